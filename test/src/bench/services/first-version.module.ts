import 'reflect-metadata'
import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { DataSource, EntitySchema, type Repository } from 'typeorm'
import { Meter } from '../side/side.ts'
import { intentsTopic } from './intents-topic.ts'

export type SavedIntent = {
  readonly id: string
  readonly source: string
  readonly data: object
  readonly receivedAt?: Date
}

export const savedIntent = new EntitySchema<SavedIntent>({
  name: 'SavedIntent',
  schema: 'bench_first',
  tableName: 'intent',
  columns: {
    id: { type: 'uuid', primary: true },
    source: { type: 'text' },
    data: { type: 'jsonb' },
    receivedAt: { name: 'received_at', type: 'timestamptz', createDate: true },
  },
})

const INTENTS = 'INTENTS'

@Controller()
class IntentController {
  readonly #intents: Repository<SavedIntent>
  readonly #meter: Meter

  constructor(@Inject(INTENTS) intents: Repository<SavedIntent>, @Inject(Meter) meter: Meter) {
    this.#intents = intents
    this.#meter = meter
  }

  @EventPattern(intentsTopic)
  async take(@Payload() { id, source, data }: SavedIntent): Promise<void> {
    await this.#intents.save({ id, source, data })
    this.#meter.done(1)
  }
}

/** What a Nest developer writes first, as Nest's recipes for Kafka and TypeORM have it: each event is saved as it comes. */
@Module({})
export class FirstVersionModule {
  static saving(source: DataSource, meter: Meter): DynamicModule {
    return {
      module: FirstVersionModule,
      controllers: [IntentController],
      providers: [
        { provide: DataSource, useValue: source },
        { provide: INTENTS, useFactory: (from: DataSource) => from.getRepository(savedIntent), inject: [DataSource] },
        { provide: Meter, useValue: meter },
      ],
    }
  }
}
