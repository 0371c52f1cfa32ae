import { type Bus, createPostgresBus } from '@countersign/bus'
import pg from 'pg'
import type { Compose } from './build-service.ts'
import type { Secret } from './secret.ts'

/** One connection listens, one holds leases, the others carry batches. */
const busConnections = 4

/**
 * Composes a service on the postgres bus driver, over connections of the service's own role; for a process of its own. The
 * bus closes after the service has stopped.
 */
export const onPostgresBus =
  <C extends { readonly DATABASE_URL: Secret }>(
    composeOn: (dependencies: { readonly bus: Bus }) => Compose<C>,
  ): Compose<C> =>
  async (context) => {
    const pool = new pg.Pool({ connectionString: context.config.DATABASE_URL.reveal(), max: busConnections })
    pool.on('error', (err) => context.log.warn({ err }, 'an idle connection of the bus broke'))
    const bus = createPostgresBus({ pool, log: (driver) => context.log.info({ driver }, 'bus opened') })
    const close = async (): Promise<void> => {
      await bus.close()
      await pool.end()
    }
    try {
      const parts = await composeOn({ bus })(context)
      const onStop = async (): Promise<void> => {
        await parts.onStop?.()
        await close()
      }
      return { ...parts, onStop }
    } catch (error) {
      await close()
      throw error
    }
  }
