import type { BatchOutcome, DeliveredBatch } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { withBatchSpan } from '@countersign/service-kit'
import { Controller, Inject } from '@nestjs/common'
import { EventPattern } from '@nestjs/microservices'
import { wakeUpsToken } from '../tokens.ts'
import type { IntentWakeUps } from './intent-wake-ups.ts'

/** Events of the bus, a batch at a time. */
@Controller()
export class EvaluateIntentController {
  readonly #wakeUps: IntentWakeUps

  constructor(@Inject(wakeUpsToken) wakeUps: IntentWakeUps) {
    this.#wakeUps = wakeUps
  }

  @EventPattern(topics.events)
  evaluate(batch: DeliveredBatch): Promise<BatchOutcome> {
    const headers = batch.records.map((record) => record.headers)
    return withBatchSpan('policy.evaluate-intent', { headers }, () => this.#wakeUps.handle(batch))
  }
}
