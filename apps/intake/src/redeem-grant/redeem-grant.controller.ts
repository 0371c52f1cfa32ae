import { type ReceiptView, RedeemGrantBody, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { POOL, REDEEM_GRANT } from '../tokens.ts'
import type { RedeemGrant } from './redeem-grant.handler.ts'

@Controller('v1/grants')
export class RedeemGrantController {
  readonly #pool: pg.Pool
  readonly #redeem: RedeemGrant

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(REDEEM_GRANT) redeem: RedeemGrant) {
    this.#pool = pool
    this.#redeem = redeem
  }

  @Post(':grantId/redeem')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  // Whatever can be published can be redeemed: the bounds of both are the same.
  @EdgeRoute({ bodyLimit: 131_072, json: { arrayLength: 10_000 } })
  async redeem(
    @Param('grantId', pathParameter(Uuid)) grantId: string,
    @Body(validateBody(RedeemGrantBody)) body: RedeemGrantBody,
    @Requester() identity: Identity,
  ): Promise<ReceiptView> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    return orRefuse(await this.#redeem.handle(caller, grantId, body))
  }
}
