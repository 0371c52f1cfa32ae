import 'reflect-metadata'
import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { Meter } from '../side/side.ts'

/** The topic that the stock consumer's pattern names. */
export const stockTopic = 'bench.events'

@Controller()
class StockController {
  readonly #meter: Meter

  constructor(@Inject(Meter) meter: Meter) {
    this.#meter = meter
  }

  @EventPattern(stockTopic)
  read(@Payload() event: { readonly id: string }): void {
    if (typeof event.id !== 'string') throw new Error('an event has an id')
    this.#meter.done(1)
  }
}

/** A handler as Nest's documentation of its Kafka transport writes it. */
@Module({})
export class StockModule {
  static reportingTo(meter: Meter): DynamicModule {
    return {
      module: StockModule,
      controllers: [StockController],
      providers: [{ provide: Meter, useValue: meter }],
    }
  }
}
