import { closed, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { callerOf } from '../caller.ts'
import { POOL, WITHDRAW_INTENT } from '../tokens.ts'
import type { WithdrawIntent } from './withdraw-intent.handler.ts'

@Controller('v1/intents')
export class WithdrawIntentController {
  readonly #pool: pg.Pool
  readonly #withdraw: WithdrawIntent

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(WITHDRAW_INTENT) withdraw: WithdrawIntent) {
    this.#pool = pool
    this.#withdraw = withdraw
  }

  @Post(':intentId/withdraw')
  @HttpCode(200)
  async withdraw(
    @Param('intentId', pathParameter(Uuid)) intentId: string,
    @Body(validateBody(closed({}))) _body: object,
    @Requester() identity: Identity,
  ): Promise<{ intentId: string; state: string }> {
    const caller = orRefuse(await callerOf(this.#pool, identity))
    orRefuse((await this.#withdraw.handle(caller, intentId)) ?? { done: true })
    return { intentId, state: 'withdrawn' }
  }
}
