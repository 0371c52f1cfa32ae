import { closed, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { callerOf } from '../caller.ts'
import { POOL, REVOKE_GRANT } from '../tokens.ts'
import type { RevokeGrant } from './revoke-grant.handler.ts'

@Controller('v1/grants')
export class RevokeGrantController {
  readonly #pool: pg.Pool
  readonly #revoke: RevokeGrant

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(REVOKE_GRANT) revoke: RevokeGrant) {
    this.#pool = pool
    this.#revoke = revoke
  }

  @Post(':grantId/revoke')
  @HttpCode(200)
  async revoke(
    @Param('grantId', pathParameter(Uuid)) grantId: string,
    @Body(validateBody(closed({}))) _body: object,
    @Requester() identity: Identity,
  ): Promise<{ grantId: string; state: string }> {
    const caller = orRefuse(await callerOf(this.#pool, identity))
    orRefuse((await this.#revoke.handle(caller, grantId)) ?? { done: true })
    return { grantId, state: 'revoked' }
  }
}
