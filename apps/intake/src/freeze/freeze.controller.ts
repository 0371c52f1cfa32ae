import { FreezeBody, UnfreezeBody, Uuid, type FreezeList } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { accountCaller, personCaller } from '../caller.ts'
import { FREEZE, POOL } from '../tokens.ts'
import { unfitText } from './freeze-text.ts'
import type { Freeze } from './freeze.handler.ts'

@Controller('v1/freezes')
export class FreezeController {
  readonly #pool: pg.Pool
  readonly #freeze: Freeze

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(FREEZE) freeze: Freeze) {
    this.#pool = pool
    this.#freeze = freeze
  }

  @Post()
  async freeze(
    @Body(validateBody(FreezeBody)) body: FreezeBody,
    @Requester() identity: Identity,
  ): Promise<{ freezeId: string }> {
    const caller = orRefuse(await accountCaller(this.#pool, identity))
    orRefuse(unfitText(body) ?? body)
    return orRefuse(await this.#freeze.freeze(caller, body))
  }

  @Get()
  async list(@Requester() identity: Identity): Promise<FreezeList> {
    return orRefuse(await this.#freeze.list(orRefuse(await accountCaller(this.#pool, identity))))
  }

  @Post(':freezeId/unfreeze')
  @HttpCode(200)
  async unfreezeWithReason(
    @Param('freezeId', pathParameter(Uuid)) freezeId: string,
    @Body(validateBody(UnfreezeBody)) body: UnfreezeBody,
    @Requester() identity: Identity,
  ): Promise<{ freezeId: string }> {
    const caller = orRefuse(await personCaller(this.#pool, identity))
    orRefuse(unfitText(body) ?? body)
    orRefuse((await this.#freeze.unfreeze(caller, freezeId, body.reason)) ?? { done: true })
    return { freezeId }
  }

  @Delete(':freezeId')
  @HttpCode(204)
  async unfreeze(
    @Param('freezeId', pathParameter(Uuid)) freezeId: string,
    @Requester() identity: Identity,
  ): Promise<void> {
    const caller = orRefuse(await personCaller(this.#pool, identity))
    orRefuse((await this.#freeze.unfreeze(caller, freezeId)) ?? { done: true })
  }
}
