import { closed, type GrantView, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { type EdgeRequest, orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Header, HttpCode, Inject, Param, Post, Req } from '@nestjs/common'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { presentedKey } from '../prove-key/dpop-proof.ts'
import { ISSUE_GRANT, POOL, PUBLIC_URL } from '../tokens.ts'
import type { IssueGrant } from './issue-grant.handler.ts'

@Controller('v1/intents')
export class IssueGrantController {
  readonly #pool: pg.Pool
  readonly #issue: IssueGrant
  readonly #publicUrl: string

  constructor(
    @Inject(POOL) pool: pg.Pool,
    @Inject(ISSUE_GRANT) issue: IssueGrant,
    @Inject(PUBLIC_URL) publicUrl: string,
  ) {
    this.#pool = pool
    this.#issue = issue
    this.#publicUrl = publicUrl
  }

  @Post(':intentId/grant')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async collect(
    @Param('intentId', pathParameter(Uuid)) intentId: string,
    @Body(validateBody(closed({}))) _body: object,
    @Requester() identity: Identity,
    @Req() request: EdgeRequest,
  ): Promise<GrantView> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    const shown = await presentedKey(request.raw, { path: `/v1/intents/${intentId}/grant`, publicUrl: this.#publicUrl })
    return orRefuse(await this.#issue.handle(caller, intentId, shown))
  }
}
