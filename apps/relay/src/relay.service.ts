import type { Bus } from '@countersign/bus'
import { bootCheck, ensurePartitions, gateAge, listenStore, newId, storePool } from '@countersign/event-store'
import { type Compose, observableGauge, openStoreGuard } from '@countersign/service-kit'
import pg from 'pg'
import { PublishEvents } from './publish-events/publish-events.ts'
import type { RelayConfig } from './relay.config.ts'

const dayMs = 86_400_000

class RelayModule {}

/** Composes the relay over a bus. The bus stays its caller's. */
export const relayService =
  ({ bus }: { readonly bus: Bus }): Compose<RelayConfig> =>
  async ({ config, log, checks }) => {
    const connectionString = config.DATABASE_URL.reveal()
    const pool = storePool({ connectionString, max: 3, applicationName: 'countersign-relay' })
    const problems = await bootCheck(pool, [])
    if (problems.length > 0) {
      await pool.end()
      throw new Error(
        `the database is not safe to use: ${problems.map(({ code, detail }) => `${code} (${detail})`).join(', ')}`,
      )
    }
    pool.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'))
    const key = { kid: config.BUS_MAC_KEY_ID, secret: Buffer.from(config.BUS_MAC_KEY.reveal(), 'base64url') }
    const holder = newId()
    const { marks, guard } = await openStoreGuard({ config, log, checks }, { pool, writer: holder })
    const publish = new PublishEvents({ pool, bus, key, marks, guard, holder, log })
    const onError = (error: unknown): void => log.warn({ err: error }, 'listening to the store failed')
    const listener = listenStore(
      async () => {
        const client = new pg.Client({ connectionString })
        await client.connect()
        return client
      },
      () => publish.wake(),
      { onError },
    )
    checks.register({ name: 'publish_events', effect: 'degraded', probe: () => Promise.resolve(publish.trouble) })
    const age = observableGauge('countersign.store.gate_age', {
      description: 'Age of the oldest write transaction',
      unit: 'ms',
      observe: async () => [{ value: await gateAge(pool) }],
    })
    // Partitions of the coming months: what is missing would land in the default one.
    const partitions = setInterval(() => {
      ensurePartitions(pool).catch((error: unknown) => log.warn({ err: error }, 'partitions could not be made'))
    }, dayMs)
    return {
      module: { module: RelayModule },
      consumers: [publish],
      onStop: async () => {
        age.remove()
        clearInterval(partitions)
        await listener.close()
        await pool.end()
      },
    }
  }
