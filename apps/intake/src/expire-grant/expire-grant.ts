import { isRefusal } from '@countersign/contracts'
import { type EventStore, intentStream } from '@countersign/event-store'
import { decide, foldIntent, type IntentStream } from '@countersign/intent'
import type { Consumer, Log } from '@countersign/service-kit'
import type pg from 'pg'
import { dueGrants, rememberGrant, type IssuedGrant } from '../issued-grant.ts'

const batchSize = 100
/** A grant that another process issued may fall due unseen at most this long; redeeming checks the end by itself. */
const longestPauseMs = 2_000

/** A history that cannot be read may be readable after an update. */
const lookAgainMs = 60_000

/**
 * When a grant is due by its history, ISO 8601: at its end, at the end of its report, or never again (null). Whoever looked
 * for due grants looked without the stream's lock, so the table may have been behind.
 */
const dueAt = (state: IntentStream, now: string): string | null => {
  switch (state.status) {
    case 'granted':
      return state.grant?.expiresAt ?? null
    case 'redeemed':
      return state.grant?.redemption?.reportBefore ?? null
    case 'unborn':
    case 'unreadable':
      return new Date(Date.parse(now) + lookAgainMs).toISOString()
    default:
      return null
  }
}

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
    let failures = 0
    for (const grant of due) {
      try {
        await this.#end(grant)
      } catch (error) {
        failures += 1
        this.#log.warn({ err: error, grantId: grant.grantId }, 'a grant could not be ended; it is tried again')
      }
    }
    if (failures > 0) return longestPauseMs
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
          const events = isRefusal(outcome) ? [] : outcome
          const next = events.length > 0 ? null : dueAt(state, loaded.now)
          return { append: [{ stream: ref, events }], answer: next }
        },
        effects: async (tx, [decided]) => {
          if (decided !== undefined) await rememberGrant(tx, grant, decided.answer)
        },
      },
    )
  }
}
