import { isRefusal } from '@countersign/contracts'
import type { EventStore } from '@countersign/event-store'
import { decide, foldIntent } from '@countersign/intent'
import type { Consumer, Log } from '@countersign/service-kit'
import type pg from 'pg'
import { dueGrants, rememberGrant, type IssuedGrant } from '../issued-grant.ts'
import { intentStream } from '../open-intent.ts'

const batchSize = 100
/** A grant that another process issued may fall due unseen at most this long; redeeming checks the end by itself. */
const longestPauseMs = 1_000

/**
 * Ends what ran out, by the database's clock: GrantExpired for grants that nobody used, ExecutionUnknown for uses that
 * nobody reported. Works from a table, so it needs no bus and goes on after a restart.
 */
export class ExpireGrants implements Consumer {
  readonly name = 'expire-grant'
  readonly #pool: pg.Pool
  readonly #store: EventStore
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopping = false

  constructor(pool: pg.Pool, store: EventStore, log: Log) {
    this.#pool = pool
    this.#store = store
    this.#log = log
  }

  async start(): Promise<void> {
    this.#schedule(0)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#timer)
    await this.#running
  }

  /** One pass over everything that is due; answers how long to wait for the next. */
  async sweep(): Promise<number> {
    const { due, nextInMs } = await dueGrants(this.#pool, batchSize)
    for (const grant of due) await this.#end(grant)
    return due.length > 0 ? 0 : Math.min(nextInMs ?? longestPauseMs, longestPauseMs)
  }

  #schedule(pauseMs: number): void {
    this.#timer = setTimeout(() => {
      this.#running = this.sweep()
        .catch((error: unknown) => {
          this.#log.warn({ err: error }, 'the sweep for ended grants failed')
          return longestPauseMs
        })
        .then((next) => {
          if (!this.#isStopping) this.#schedule(next)
        })
    }, pauseMs)
  }

  async #end(grant: IssuedGrant): Promise<void> {
    const ref = intentStream(grant.tenantId, grant.intentId)
    await this.#store.execute(
      { streams: [ref] },
      {
        decide: (_command, loaded) => {
          const state = foldIntent(loaded.of(ref).events)
          const type = state.status === 'granted' ? ('ExpireGrant' as const) : ('MarkExecutionUnknown' as const)
          const outcome = decide({ type, now: loaded.now }, state)
          return { append: isRefusal(outcome) ? [] : [{ stream: ref, events: outcome }], answer: undefined }
        },
        effects: (tx) => rememberGrant(tx, grant, null),
      },
    )
  }
}
