import type { Consumer, Log } from '@countersign/service-kit'
import type pg from 'pg'
import { forgetProofs } from '../prove-key/presented-proofs.ts'

/** Far beyond how long a bus may deliver a record again; whoever seeks back further asks anew. */
const keptDays = 30
const everyMs = 600_000

/**
 * Forgets which records were refused once no bus can deliver them again, and proofs of possession once they are too old to
 * be presented again. Events and counts of the refusals stay, and so does the quarantine.
 */
export class ForgetRecords implements Consumer {
  readonly name = 'forget-refused-records'
  readonly #pool: pg.Pool
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #running: Promise<unknown> = Promise.resolve()

  constructor(pool: pg.Pool, log: Log) {
    this.#pool = pool
    this.#log = log
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => {
      this.#running = Promise.all([this.sweep(), forgetProofs(this.#pool)]).catch((error: unknown) =>
        this.#log.warn({ err: error }, 'refused records and proofs could not be forgotten; it is tried again'),
      )
    }, everyMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }

  /** Deletes what is old enough; answers how many records that were. */
  async sweep(): Promise<number> {
    const { rowCount } = await this.#pool.query(
      'delete from intake.refused_record where refused_at < clock_timestamp() - make_interval(days => $1)',
      [keptDays],
    )
    return rowCount ?? 0
  }
}
