import { closed, type GrantView, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { ISSUE_GRANT, POOL } from '../tokens.ts'
import type { IssueGrant } from './issue-grant.handler.ts'

@Controller('v1/intents')
export class IssueGrantController {
  readonly #pool: pg.Pool
  readonly #issue: IssueGrant

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(ISSUE_GRANT) issue: IssueGrant) {
    this.#pool = pool
    this.#issue = issue
  }

  @Post(':intentId/grant')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async collect(
    @Param('intentId', pathParameter(Uuid)) intentId: string,
    @Body(validateBody(closed({}))) _body: object,
    @Requester() identity: Identity,
  ): Promise<GrantView> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    return orRefuse(await this.#issue.handle(caller, intentId))
  }
}
