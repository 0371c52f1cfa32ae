import { BrokerRefusals, type RecordedBrokerRefusals } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { personCaller } from '../caller.ts'
import { POOL, RECORD_BROKER_REFUSALS } from '../tokens.ts'
import type { RecordBrokerRefusals } from './broker-refusals.handler.ts'

@Controller('v1/broker-refusals')
export class BrokerRefusalsController {
  readonly #pool: pg.Pool
  readonly #record: RecordBrokerRefusals

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(RECORD_BROKER_REFUSALS) record: RecordBrokerRefusals) {
    this.#pool = pool
    this.#record = record
  }

  @Post()
  @HttpCode(200)
  async record(
    @Body(validateBody(BrokerRefusals)) found: BrokerRefusals,
    @Requester() identity: Identity,
  ): Promise<RecordedBrokerRefusals> {
    return orRefuse(await this.#record.record(orRefuse(await personCaller(this.#pool, identity)), found))
  }
}
