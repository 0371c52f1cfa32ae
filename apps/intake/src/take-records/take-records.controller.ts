import type { BatchOutcome, DeliveredBatch } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { Controller, Inject } from '@nestjs/common'
import { EventPattern } from '@nestjs/microservices'
import { TAKE_INTENTS, TAKE_REPORTS } from '../tokens.ts'
import { groupOfProducer, writtenTo } from './producer-topics.ts'
import type { TakeIntents } from './take-intents.ts'
import type { TakeReports } from './take-reports.ts'

/** Records of producers' topics. The topic says whose they are; nothing in a record or its headers does. */
@Controller()
export class TakeRecordsController {
  readonly #intents: TakeIntents
  readonly #reports: TakeReports

  constructor(@Inject(TAKE_INTENTS) intents: TakeIntents, @Inject(TAKE_REPORTS) reports: TakeReports) {
    this.#intents = intents
    this.#reports = reports
  }

  @EventPattern<Record<string, DeliveredBatch>>(topics.intents('{producer}'))
  takeIntents({ topic, records }: DeliveredBatch): Promise<BatchOutcome> {
    const { producer } = writtenTo(topic)
    return this.#intents.handle(producer, groupOfProducer(producer), records)
  }

  @EventPattern<Record<string, DeliveredBatch>>(topics.executions('{producer}'))
  takeReports({ topic, records }: DeliveredBatch): Promise<BatchOutcome> {
    const { producer } = writtenTo(topic)
    return this.#reports.handle(producer, groupOfProducer(producer), records)
  }
}
