import { NestFactory } from '@nestjs/core'
import { type MicroserviceOptions, Transport } from '@nestjs/microservices'
import { Meter, type OpenSide } from '../side/side.ts'
import type { ConsumerOptions, ConsumerRound } from './consumer-side.ts'
import { StockModule } from './stock-consumer.module.ts'

/** Nest's own Kafka server with the options of its documentation. It has parsed the bytes away before anyone sees them. */
export const open: OpenSide<ConsumerOptions, ConsumerRound> = async ({ brokers }) => ({
  round: async ({ group, records }) => {
    const meter = new Meter(records)
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(StockModule.reportingTo(meter), {
      transport: Transport.KAFKA,
      options: {
        client: { brokers: [...brokers] },
        consumer: { groupId: group },
        subscribe: { fromBeginning: true },
      },
      logger: false,
    })
    await app.listen()
    const round = await meter.round
    await app.close()
    return round
  },
  close: async () => undefined,
})
