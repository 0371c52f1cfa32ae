import { setTimeout as pause } from 'node:timers/promises'
import type { Bus, DeliveredRecord, Subscription } from '@countersign/bus'
import { groups, topics } from '@countersign/contracts'
import { bootCheck } from '@countersign/event-store'
import {
  observeBusLag,
  recordVerifier,
  withBatchSpan,
  type Compose,
  type Consumer,
  type Log,
  tokenVerifierFor,
} from '@countersign/service-kit'
import pg from 'pg'
import type { LineageProjectorConfig } from './lineage-projector.config.ts'
import { LineageProjectorModule } from './lineage-projector.module.ts'
import { projectBatch } from './project-batch.ts'
import { collectorKey } from './reader.ts'

/** What the service does not open itself. */
export type LineageProjectorDependencies = {
  /** The caller closes it, after the service has stopped. */
  readonly bus: Bus
}

/** How the lineage projector is composed on a bus; for `runService` and `buildService`. */
export const composeLineageProjector =
  ({ bus }: LineageProjectorDependencies): Compose<LineageProjectorConfig> =>
  async ({ config, log, checks, stopping }) => {
    const pool = new pg.Pool({
      connectionString: config.DATABASE_URL.reveal(),
      max: config.DATABASE_POOL,
      application_name: 'countersign-lineage',
    })
    pool.on('error', (err) => log.warn({ err }, 'a database connection was lost'))
    await refuseUnsafe(pool)
    try {
      const problems = await bootCheck(pool, [])
      if (problems.length > 0) {
        throw new Error(`the store is not safe to work on: ${problems.map(({ detail }) => detail).join('; ')}`)
      }
    } catch (error) {
      await pool.end()
      throw error
    }
    checks.register({
      name: 'store',
      effect: 'not_ready',
      probe: async () => {
        await pool.query('select 1')
        return undefined
      },
    })
    const lag = observeBusLag(bus, groups.lineage)
    return {
      module: LineageProjectorModule.over({
        pool,
        walkMs: config.WALK_LIMIT_MS,
        rules: {
          analysts: config.ANALYST_GROUP,
          auditors: config.AUDITOR_GROUP,
          collectors: new Map(config.AUDIT_CLIENTS.map((text) => readCollector(text, config.OIDC_ISSUER))),
        },
      }),
      verifier: tokenVerifierFor(config, log),
      consumers: [
        projecting({
          bus,
          stopping,
          pool,
          log,
          verify: recordVerifier([
            { kid: config.BUS_MAC_KEY_ID, secret: Buffer.from(config.BUS_MAC_KEY.reveal(), 'base64url') },
          ]),
        }),
      ],
      onStop: async () => {
        lag.remove()
        await pool.end()
      },
    }
  }

/** `client:tenant` at the issuer of the short form, or `client:tenant@issuer`. */
const readCollector = (text: string, ownIssuer: string | undefined): [client: string, tenantId: string] => {
  const [, clientId = '', tenantId = '', issuer = ownIssuer] = /^([^:]+):([^@]+)(?:@(.+))?$/.exec(text) ?? []
  if (issuer === undefined) throw new Error('AUDIT_CLIENTS: expected an issuer, because OIDC_ISSUER is not set')
  return [collectorKey({ issuer, clientId }), tenantId]
}

type Projecting = {
  readonly bus: Bus
  readonly stopping: AbortSignal
  readonly pool: pg.Pool
  readonly log: Log
  readonly verify: (record: DeliveredRecord) => boolean
}

/**
 * How long the next batch waits for company. Nobody waits for a projection, and what gathers shares one transaction: an
 * event costs PostgreSQL half as much in a batch of two hundred as in one of twenty.
 */
const spacingAfter = (records: number): number => (records >= busyBatch ? 500 : 150)
const busyBatch = 20
/** A batch of this many is not held up. */
const largeBatch = 200

/** Consumes `countersign.events.v1`. Its records are shown to people, so one with a wrong MAC is quarantined. */
const projecting = ({ bus, stopping, pool, log, verify }: Projecting): Consumer => {
  let subscription: Subscription | undefined
  let projectedAt = Number.NEGATIVE_INFINITY
  let projected = 0
  return {
    name: 'project-events',
    start: async () => {
      subscription = await bus.subscribe({
        group: groups.lineage,
        topics: [topics.events],
        signal: stopping,
        handle: (batch) =>
          withBatchSpan(
            'lineage-projector.project-events',
            { headers: batch.records.map(({ headers }) => headers) },
            async () => {
              const early = projectedAt + spacingAfter(projected) - performance.now()
              if (early > 0 && batch.records.length < largeBatch) await pause(early)
              projectedAt = performance.now()
              projected = batch.records.length
              const outcomes = await projectBatch(pool, batch, verify)
              const bad = outcomes.filter((outcome) => outcome !== 'done')
              if (bad.length > 0) log.error({ records: bad.length, outcomes: bad }, 'records were not projected')
              return outcomes
            },
          ),
      })
    },
    stop: async () => {
      await subscription?.stop()
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
