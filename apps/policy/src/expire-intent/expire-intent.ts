import { isRefusal } from '@countersign/contracts'
import type { CommandHandler, EventStore, StreamRef } from '@countersign/event-store'
import { decide, expiresAt, foldIntent, isPublished, type IntentStream } from '@countersign/intent'
import type { Consumer, Log } from '@countersign/service-kit'
import type pg from 'pg'
import { dueIntents, settleDeadlines, type DueIntent } from './deadlines.ts'
import { followDeadlines } from './follow-deadlines.ts'

const batchSize = 200
/** Looks by itself this often: a wake-up can be lost, and the gate can hide an event until after it. */
const longestPauseMs = 5_000
/** Appends may come by the hundred in a second; deadlines are seconds away, and whoever decides checks them by itself. */
const spacingMs = 200
const pauseAfterFailureMs = 1_000

type ExpireCommand = { readonly read: DueIntent; readonly streams: readonly [StreamRef] }
/** When to look again; null once the intent ended, now or before. */
type Answer = string | null

type Options = { readonly pool: pg.Pool; readonly store: EventStore; readonly log: Log }

/**
 * Ends intents whose time has come, by the database's clock: undecided ones at their deadline, reviews at theirs, allowed
 * and approved ones that nobody collected. It follows the store itself, so it works while the bus is stopped and goes on
 * after a restart. It sleeps until the next deadline or until something is appended.
 */
export class ExpireIntents implements Consumer {
  readonly name = 'expire-intent'
  readonly #options: Options
  #running: Promise<void> = Promise.resolve()
  #isStopping = false
  #isWoken = false
  #interrupt: () => void = () => undefined

  constructor(options: Options) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#interrupt()
    await this.#running
  }

  /** Something was appended: there may be a nearer deadline. */
  wake(): void {
    this.#isWoken = true
    this.#interrupt()
  }

  /** Ends what is due now; answers milliseconds until there may be something to do again. */
  async sweep(): Promise<number> {
    const { pool } = this.#options
    while (await followDeadlines(pool)) if (this.#isStopping) return 0
    const { due, nextInMs } = await dueIntents(pool, batchSize)
    if (due.length === 0) return Math.min(nextInMs ?? longestPauseMs, longestPauseMs)
    const failed = await this.#expire(due)
    return failed > 0 ? pauseAfterFailureMs : 0
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isWoken = false
      const began = performance.now()
      let pauseMs = pauseAfterFailureMs
      try {
        pauseMs = await this.sweep()
      } catch (error) {
        this.#options.log.warn({ err: error }, 'the sweep for ended intents failed')
      }
      if (pauseMs > 0 && !this.#isWoken && !this.#isStopping) await this.#pause(pauseMs)
      const early = spacingMs - (performance.now() - began)
      if (pauseMs > 0 && this.#isWoken && early > 0 && !this.#isStopping) await this.#rest(early)
    }
  }

  /** A pause that a wake-up does not shorten, only a stop does. */
  async #rest(ms: number): Promise<void> {
    const until = performance.now() + ms
    for (let left = ms; left > 0 && !this.#isStopping; left = until - performance.now()) await this.#pause(left)
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    this.#interrupt = () => {
      clearTimeout(timer)
      resolve()
    }
    return promise
  }

  async #expire(due: readonly DueIntent[]): Promise<number> {
    const { store, log } = this.#options
    const commands = due.map(
      (read): ExpireCommand => ({
        read,
        streams: [{ kind: 'intent', streamId: read.intentId, tenantId: read.tenantId }],
      }),
    )
    let failed = 0
    for (const outcome of await store.executeBatch(commands, expireHandler)) {
      if (outcome.status === 'decided') continue
      failed += 1
      log.error({ intentId: outcome.command.streams[0].streamId, err: outcome.error }, 'the intent could not be ended')
    }
    return failed
  }
}

const expireHandler: CommandHandler<ExpireCommand, undefined, Answer> = {
  decide: ({ streams: [ref] }, loaded) => {
    const state = foldIntent(loaded.of(ref).events)
    const outcome = decide({ type: 'ExpireIntent', now: loaded.now }, state)
    const events = isRefusal(outcome) ? [] : outcome
    const again = events.length > 0 ? null : nextLook(state, loaded.now)
    return { append: [{ stream: ref, events }], answer: again }
  },
  effects: async (tx, decided) => {
    const ended = decided.filter(({ answer }) => answer === null).map(({ command }) => command.read.intentId)
    const postponed = decided.flatMap(({ command: { read }, answer: until }) =>
      until === null ? [] : [{ read, until }],
    )
    await settleDeadlines(tx, { ended, postponed })
  },
}

/** Another version of the service may read what this one cannot. */
const unreadableAgainMs = 3_600_000

/** When to look at an intent that was not due, as its stream has it; null once it has no such end. */
const nextLook = (state: IntentStream, now: string): string | null => {
  if (state.status === 'unreadable') return new Date(Date.parse(now) + unreadableAgainMs).toISOString()
  return isPublished(state) ? (expiresAt(state) ?? null) : null
}
