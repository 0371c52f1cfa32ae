import { type ReceiptView, RedeemGrantBody, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { type EdgeRequest, EdgeRoute, orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Header, HttpCode, Inject, Param, Post, Req } from '@nestjs/common'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { presentedKey } from '../prove-key/dpop-proof.ts'
import { POOL, PUBLIC_URL, REDEEM_GRANT } from '../tokens.ts'
import type { RedeemGrant } from './redeem-grant.handler.ts'

@Controller('v1/grants')
export class RedeemGrantController {
  readonly #pool: pg.Pool
  readonly #redeem: RedeemGrant
  readonly #publicUrl: string

  constructor(
    @Inject(POOL) pool: pg.Pool,
    @Inject(REDEEM_GRANT) redeem: RedeemGrant,
    @Inject(PUBLIC_URL) publicUrl: string,
  ) {
    this.#pool = pool
    this.#redeem = redeem
    this.#publicUrl = publicUrl
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
    @Req() request: EdgeRequest,
  ): Promise<ReceiptView> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    const shown = await presentedKey(request.raw, { path: `/v1/grants/${grantId}/redeem`, publicUrl: this.#publicUrl })
    return orRefuse(await this.#redeem.handle(caller, grantId, body, shown))
  }
}
