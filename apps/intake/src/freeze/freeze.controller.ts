import { FreezeBody, refuse, Uuid } from '@countersign/contracts'
import { findSecret } from '@countersign/redaction'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Delete, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { personCaller } from '../caller.ts'
import { FREEZE, POOL } from '../tokens.ts'
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
    const caller = orRefuse(await personCaller(this.#pool, identity))
    const names = Object.values(body.scope)
    if (names.some((name) => findSecret(name) !== undefined)) orRefuse(refuse('secret_in_field', { pointer: '/scope' }))
    return orRefuse(await this.#freeze.freeze(caller, body.scope))
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
