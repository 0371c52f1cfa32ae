import { setTimeout as delay } from 'node:timers/promises'
import { bootCheck, storePool } from '@countersign/event-store'
import type { Bus, Subscription } from '@countersign/bus'
import { groups, topics } from '@countersign/contracts'
import {
  type Compose,
  counter,
  type Consumer,
  observableGauge,
  observeBusLag,
  withBatchSpan,
  tokenVerifierFor,
} from '@countersign/service-kit'
import type pg from 'pg'
import { LedgerDiverged } from './append-entry/ledger-diverged.ts'
import { sequenceEvents } from './append-entry/sequence-events.ts'
import { feedLag } from './feed-siem/feed-lag.ts'
import { feedSiem } from './feed-siem/feed-siem.ts'
import type { LedgerConfig } from './ledger.config.ts'
import { LedgerModule } from './ledger.module.ts'
import { announceCheckpoints, type Announcer } from './publish-checkpoint/announce-checkpoints.ts'
import { publishHeads } from './publish-checkpoint/publish-heads.ts'
import { publishedMarkIn } from './publish-checkpoint/published-mark.ts'
import { readSigningKey } from './publish-checkpoint/signing-key.ts'
import { Trouble } from './trouble.ts'
import type { WorkLoop } from './work-loop.ts'

const entriesAppended = counter('countersign.ledger.entries', { description: 'Entries appended', unit: '{entry}' })
const rowsFed = counter('countersign.ledger.siem_rows', { description: 'Rows that the bus took', unit: '{row}' })

/** Builds the ledger service over a bus that wakes it and carries its checkpoints. The bus stays its caller's. */
export const composeLedger =
  ({ bus }: { readonly bus: Bus }): Compose<LedgerConfig> =>
  async ({ config, log, checks, stopping }) => {
    const key = readSigningKey(config.CHECKPOINT_KEY_FILE)
    const pool = storePool({
      connectionString: config.DATABASE_URL.reveal(),
      max: config.DATABASE_POOL,
      applicationName: 'countersign-ledger',
    })
    pool.on('error', (err) => log.warn({ err }, 'an idle database connection broke'))
    await refuseUnsafe(pool)
    const appendTrouble = new Trouble(log, 'append')
    const publishTrouble = new Trouble(log, 'publish_checkpoint')
    checks.register({ name: 'append', effect: 'degraded', probe: () => appendTrouble.current() })
    checks.register({ name: 'publish_checkpoint', effect: 'degraded', probe: () => publishTrouble.current() })

    const feedTrouble = new Trouble(log, 'feed_siem')
    checks.register({ name: 'feed_siem', effect: 'degraded', probe: () => feedTrouble.current() })

    const lag = observeBusLag(bus, groups.ledger)
    const siemLag = observableGauge('countersign.ledger.siem_lag', {
      description: 'Entries that the SIEM topic does not have yet',
      unit: '{entry}',
      observe: async () => [{ value: await feedLag(pool) }],
    })
    const announcing = (): Announcer =>
      announceCheckpoints({
        bus,
        onSuccess: () => publishTrouble.end('announce'),
        onFailure: (err) => publishTrouble.begin('announce', 'outage', { err }),
      })
    const feeding = (): WorkLoop =>
      feedSiem({
        pool,
        bus,
        onBatch: ({ records, logs }) => {
          rowsFed.add(records)
          for (const [logId, obstacle] of logs) {
            if (obstacle === undefined) feedTrouble.end(logId)
            else feedTrouble.begin(logId, obstacle)
          }
        },
        onSuccess: () => feedTrouble.end('work'),
        onFailure: (err) => feedTrouble.begin('work', 'outage', { err }),
      })
    const publishing = (announcer: Announcer, feeder: WorkLoop): WorkLoop =>
      publishHeads({
        pool,
        key,
        mark: publishedMarkIn(config.PUBLISHED_MARK_DIR),
        onOutcome: (outcome) => {
          if (outcome.status === 'refused') {
            publishTrouble.begin(outcome.logId, outcome.code)
            return
          }
          publishTrouble.end(outcome.logId)
          announcer.announce(outcome)
          feeder.wake()
        },
        onSuccess: () => publishTrouble.end('work'),
        onFailure: (err) => publishTrouble.begin('work', 'outage', { err }),
      })
    const appending = (publisher: WorkLoop): WorkLoop =>
      sequenceEvents({
        pool,
        originHost: config.LOG_ORIGIN_HOST,
        onAppended: ({ entries }) => {
          entriesAppended.add(entries)
          publisher.wake()
        },
        onSuccess: () => appendTrouble.end('work'),
        onFailure: (err) => appendTrouble.begin('work', err instanceof LedgerDiverged ? err.code : 'outage', { err }),
      })

    return {
      module: LedgerModule.serving({ pool, key, auditorGroup: config.AUDITOR_GROUP }),
      verifier: tokenVerifierFor(config, log),
      consumers: [ledgerWork({ bus, stopping }, { announcing, feeding, publishing, appending })],
      onStop: async () => {
        lag.remove()
        siemLag.remove()
        await pool.end()
      },
    }
  }

/** How long stopping waits for a send that a bus does not answer. */
const busPatienceMs = 3_000

/** A send that is broken off is sent again by the next start: nothing is lost, and nobody waits for a bus that hangs. */
const withPatience = (stopped: Promise<void>): Promise<void> =>
  Promise.race([stopped, delay(busPatienceMs, undefined, { ref: false })])

/** Appending, publishing and feeding beside the HTTP server, woken by the bus. Each goes on when the next one fails. */
const ledgerWork = (
  { bus, stopping }: { readonly bus: Bus; readonly stopping: AbortSignal },
  work: {
    readonly announcing: () => Announcer
    readonly feeding: () => WorkLoop
    readonly publishing: (announcer: Announcer, feeder: WorkLoop) => WorkLoop
    readonly appending: (publisher: WorkLoop) => WorkLoop
  },
): Consumer => {
  let stopWork: (() => Promise<void>)[] = []
  return {
    name: 'ledger',
    start: async () => {
      const announcer = work.announcing()
      const feeder = work.feeding()
      const publisher = work.publishing(announcer, feeder)
      const sequencer = work.appending(publisher)
      // What is woken last by a new event stops last.
      stopWork = [
        () => sequencer.stop(),
        () => publisher.stop(),
        () => withPatience(feeder.stop()),
        () => withPatience(announcer.stop()),
      ]
      const subscription: Subscription = await bus.subscribe({
        group: groups.ledger,
        topics: [topics.events],
        from: 'latest',
        signal: stopping,
        // A record is a wake-up and a trace to continue, nothing more: what is recorded is read from the store.
        handle: async ({ records }) => {
          const headers = records.map((record) => record.headers)
          await withBatchSpan('ledger.append-entry', { headers }, () => sequencer.attempt())
          return 'done'
        },
      })
      stopWork.unshift(() => subscription.stop())
    },
    stop: async () => {
      for (const stop of stopWork) await stop()
    },
  }
}

/** A database that could lose or forge events is not worked on. */
const refuseUnsafe = async (pool: pg.Pool): Promise<void> => {
  const problems = await bootCheck(pool, [])
  if (problems.length === 0) return
  await pool.end()
  throw new Error(
    `the database is not safe to use: ${problems.map(({ code, detail }) => `${code} (${detail})`).join(', ')}`,
  )
}
