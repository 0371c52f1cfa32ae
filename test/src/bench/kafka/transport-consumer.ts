import { createKafkaBus, createPostgresParkingLot } from '@countersign/bus'
import { BusTransport, recordVerifier } from '@countersign/service-kit'
import { NestFactory } from '@nestjs/core'
import pg from 'pg'
import { Meter, type OpenSide } from '../side/side.ts'
import type { ConsumerOptions, ConsumerRound } from './consumer-side.ts'
import { BatchModule } from './batch-consumer.module.ts'
import { benchKey } from './record-of-intent.ts'

/** The product's way: Nest's patterns over the bus transport over the Kafka driver, as its services are composed. */
export const open: OpenSide<ConsumerOptions, ConsumerRound> = async ({ brokers, parkingUrl }) => {
  const pool = new pg.Pool({ connectionString: parkingUrl, max: 4 })
  const verify = recordVerifier([benchKey])
  return {
    round: async ({ topic, group, records, withMac }) => {
      const meter = new Meter(records)
      const bus = createKafkaBus({
        brokers,
        clientId: 'bench',
        log: () => undefined,
        parking: createPostgresParkingLot(pool),
        onDead: (reason) => {
          throw reason
        },
      })
      const strategy = new BusTransport({ bus, group, verify: withMac ? verify : () => true, topicsOf: () => [topic] })
      const app = await NestFactory.createMicroservice(BatchModule.reportingTo(meter), { strategy, logger: false })
      await app.listen()
      const round = await meter.round
      await app.close()
      await bus.close()
      return round
    },
    close: () => pool.end(),
  }
}
