import { NestFactory } from '@nestjs/core'
import { type MicroserviceOptions, Transport } from '@nestjs/microservices'
import type { KafkaConfig } from 'kafkajs'
import { DataSource } from 'typeorm'
import { Meter, type OpenSide } from '../side/side.ts'
import { FirstVersionModule, savedIntent } from './first-version.module.ts'

export type FirstVersionOptions = {
  readonly client: KafkaConfig
  readonly databaseUrl: string
  readonly poolSize: number
}
export type FirstVersionRound = { readonly group: string; readonly records: number }

export const open: OpenSide<FirstVersionOptions, FirstVersionRound> = async ({ client, databaseUrl, poolSize }) => {
  const source = await new DataSource({
    type: 'postgres',
    url: databaseUrl,
    poolSize,
    entities: [savedIntent],
  }).initialize()
  await source.query('create schema if not exists bench_first')
  await source.synchronize(true)
  return {
    round: async ({ group, records }) => {
      await source.getRepository(savedIntent).clear()
      const meter = new Meter(records)
      const app = await NestFactory.createMicroservice<MicroserviceOptions>(FirstVersionModule.saving(source, meter), {
        transport: Transport.KAFKA,
        options: { client, consumer: { groupId: group }, subscribe: { fromBeginning: true } },
        logger: false,
      })
      await app.listen()
      const round = await meter.round
      await app.close()
      return round
    },
    close: () => source.destroy(),
  }
}
