import 'reflect-metadata'
import type { BatchOutcome, DeliveredBatch } from '@countersign/bus'
import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common'
import { EventPattern } from '@nestjs/microservices'
import { Meter } from '../side/side.ts'

@Controller()
class BatchController {
  readonly #meter: Meter

  constructor(@Inject(Meter) meter: Meter) {
    this.#meter = meter
  }

  @EventPattern('events')
  async read({ records }: DeliveredBatch): Promise<BatchOutcome> {
    for (const { value } of records) JSON.parse((value as Buffer).toString())
    this.#meter.done(records.length)
    return 'done'
  }
}

/** A handler as the services have it: it takes whole batches and answers for them. */
@Module({})
export class BatchModule {
  static reportingTo(meter: Meter): DynamicModule {
    return {
      module: BatchModule,
      controllers: [BatchController],
      providers: [{ provide: Meter, useValue: meter }],
    }
  }
}
