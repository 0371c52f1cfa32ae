import { type ParkedKeyList, RedriveParkedBody, type RedrivenParked } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { accountCaller, personCaller } from '../caller.ts'
import { POOL, REDRIVE_PARKED } from '../tokens.ts'
import type { RedriveParked } from './redrive-parked.handler.ts'

@Controller('v1/parked')
export class RedriveParkedController {
  readonly #pool: pg.Pool
  readonly #parked: RedriveParked

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(REDRIVE_PARKED) parked: RedriveParked) {
    this.#pool = pool
    this.#parked = parked
  }

  @Get()
  async list(@Requester() identity: Identity): Promise<ParkedKeyList> {
    return orRefuse(await this.#parked.list(orRefuse(await accountCaller(this.#pool, identity))))
  }

  @Post('redrive')
  @HttpCode(200)
  async redrive(
    @Body(validateBody(RedriveParkedBody)) body: RedriveParkedBody,
    @Requester() identity: Identity,
  ): Promise<RedrivenParked> {
    return orRefuse(await this.#parked.redrive(orRefuse(await personCaller(this.#pool, identity)), body))
  }
}
