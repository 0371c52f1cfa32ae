import { type Bus, createKafkaBus, createPostgresBus, createPostgresParkingLot } from '@countersign/bus'
import pg from 'pg'
import type { Compose, ServiceContext } from './build-service.ts'
import { observeBus } from './bus-observations.ts'
import { type BusConfig, kafkaAccess } from './bus-settings.ts'
import { exitCodes } from './exit-codes.ts'
import type { Secret } from './secret.ts'

/** On postgres one connection listens, one holds leases, the others carry batches; beside Kafka they only park records. */
const busConnections = { postgres: 4, kafka: 2 } as const

type OnBus = BusConfig & { readonly DATABASE_URL: Secret }

const openBus = ({ name, config, log }: ServiceContext<OnBus>, pool: pg.Pool): Bus => {
  const observe = observeBus(log)
  if (config.BUS === 'postgres') {
    return createPostgresBus({ pool, observe, log: (driver) => log.info({ driver }, 'bus opened') })
  }
  return createKafkaBus({
    ...kafkaAccess(config),
    clientId: `countersign-${name}`,
    parking: createPostgresParkingLot(pool),
    observe,
    log: (driver) => log.warn({ driver }, 'the Kafka client warns'),
    onDead: (err) => {
      log.fatal({ err }, 'a Kafka consumer is dead for good, the process ends')
      process.exit(exitCodes.failed)
    },
  })
}

/**
 * Composes a service on the bus that its settings name, over database connections of the service's own role; for a process
 * of its own. The bus closes after the service has stopped.
 */
export const onBus =
  <C extends OnBus>(composeOn: (dependencies: { readonly bus: Bus }) => Compose<C>): Compose<C> =>
  async (context) => {
    const { config, log } = context
    const pool = new pg.Pool({ connectionString: config.DATABASE_URL.reveal(), max: busConnections[config.BUS] })
    pool.on('error', (err) => log.warn({ err }, 'an idle connection of the bus broke'))
    let bus: Bus | undefined
    const close = async (): Promise<void> => {
      await bus?.close()
      await pool.end()
    }
    try {
      bus = openBus(context, pool)
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
