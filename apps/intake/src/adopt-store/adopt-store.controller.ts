import { AdoptStoreBody, refuse, type AdoptedStoreView, type StoreView } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { identifierProblem } from '@countersign/redaction'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { accountCaller, personCaller } from '../caller.ts'
import { ADOPT_STORE, POOL } from '../tokens.ts'
import type { AdoptStore } from './adopt-store.handler.ts'

@Controller('v1/store')
export class AdoptStoreController {
  readonly #pool: pg.Pool
  readonly #adoption: AdoptStore

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(ADOPT_STORE) adoption: AdoptStore) {
    this.#pool = pool
    this.#adoption = adoption
  }

  @Get()
  async read(@Requester() identity: Identity): Promise<StoreView> {
    return orRefuse(await this.#adoption.read(orRefuse(await accountCaller(this.#pool, identity))))
  }

  @Post('adopt')
  @HttpCode(200)
  async adopt(
    @Body(validateBody(AdoptStoreBody)) { reason }: AdoptStoreBody,
    @Requester() identity: Identity,
  ): Promise<AdoptedStoreView> {
    const caller = orRefuse(await personCaller(this.#pool, identity))
    const problem = identifierProblem(reason)
    if (problem !== undefined)
      orRefuse(refuse(problem === 'secret_in_field' ? problem : 'hidden_text', { pointer: '/reason' }))
    return orRefuse(await this.#adoption.adopt(caller, reason))
  }
}
