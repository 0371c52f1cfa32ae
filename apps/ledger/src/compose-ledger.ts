import { bootCheck } from '@countersign/event-store'
import type { Bus, OutboundRecord, Subscription } from '@countersign/bus'
import { groups, topics } from '@countersign/contracts'
import { tokenVerifier } from '@countersign/identity'
import { type Compose, counter, type Consumer, observeBusLag, withBatchSpan } from '@countersign/service-kit'
import pg from 'pg'
import { LedgerDiverged } from './append-entry/ledger-diverged.ts'
import { sequenceEvents } from './append-entry/sequence-events.ts'
import type { LedgerConfig } from './ledger.config.ts'
import { LedgerModule } from './ledger.module.ts'
import { publishHeads } from './publish-checkpoint/publish-heads.ts'
import { publishedMarkIn } from './publish-checkpoint/published-mark.ts'
import { readSigningKey } from './publish-checkpoint/signing-key.ts'
import { Trouble } from './trouble.ts'
import type { WorkLoop } from './work-loop.ts'

const entriesAppended = counter('countersign.ledger.entries', { description: 'Entries appended', unit: '{entry}' })

/** Builds the ledger service over a bus that wakes it and carries its checkpoints. The bus stays its caller's. */
export const composeLedger =
  ({ bus }: { readonly bus: Bus }): Compose<LedgerConfig> =>
  async ({ config, log, checks }) => {
    const key = readSigningKey(config.CHECKPOINT_KEY_FILE)
    const pool = new pg.Pool({ connectionString: config.DATABASE_URL.reveal(), max: config.DATABASE_POOL })
    pool.on('error', (err) => log.warn({ err }, 'an idle database connection broke'))
    await refuseUnsafe(pool)
    const appendTrouble = new Trouble(log, 'append')
    const publishTrouble = new Trouble(log, 'publish_checkpoint')
    checks.register({ name: 'append', effect: 'degraded', probe: () => appendTrouble.current() })
    checks.register({ name: 'publish_checkpoint', effect: 'degraded', probe: () => publishTrouble.current() })

    const lag = observeBusLag(bus, groups.ledger)
    const publishing = (): WorkLoop =>
      publishHeads({
        pool,
        key,
        mark: publishedMarkIn(config.PUBLISHED_MARK_DIR),
        onOutcome: async (outcome) => {
          if (outcome.status === 'refused') {
            publishTrouble.begin(outcome.logId, outcome.code)
            return
          }
          publishTrouble.end(outcome.logId)
          await bus.publish([checkpointRecord(outcome)])
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
      verifier: tokenVerifier({ issuer: config.OIDC_ISSUER, audience: config.OIDC_AUDIENCE }),
      consumers: [ledgerWork(bus, { publishing, appending })],
      onStop: async () => {
        lag.remove()
        await pool.end()
      },
    }
  }

const checkpointRecord = ({ origin, note }: { origin: string; note: string }): OutboundRecord => ({
  topic: topics.checkpoints,
  key: origin,
  value: Buffer.from(note),
  headers: { 'content-type': 'text/plain; charset=utf-8' },
})

/** Appending and publishing beside the HTTP server, woken by the bus. */
const ledgerWork = (
  bus: Bus,
  work: { readonly publishing: () => WorkLoop; readonly appending: (publisher: WorkLoop) => WorkLoop },
): Consumer => {
  let publisher: WorkLoop | undefined
  let sequencer: WorkLoop | undefined
  let subscription: Subscription | undefined
  return {
    name: 'ledger',
    start: async () => {
      const loop = work.publishing()
      publisher = loop
      sequencer = work.appending(loop)
      subscription = await bus.subscribe({
        group: groups.ledger,
        topics: [topics.events],
        from: 'latest',
        // A record is a wake-up and a trace to continue, nothing more: what is recorded is read from the store.
        handle: async ({ records }) => {
          const headers = records.map((record) => record.headers)
          await withBatchSpan('ledger.append-entry', { headers }, async () => sequencer?.attempt())
          return 'done'
        },
      })
    },
    stop: async () => {
      await subscription?.stop()
      await sequencer?.stop()
      await publisher?.stop()
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
