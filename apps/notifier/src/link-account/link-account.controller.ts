import { LinkAccountBody, UnlinkAccountBody, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Refused, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { findSecret } from '@countersign/redaction'
import { humanCaller, isOperator, operatorCaller } from '../caller.ts'
import { NOTIFIER_POOL } from '../tokens.ts'
import { LinkAccount, type LinkedAccount } from './link-account.handler.ts'
import { UnlinkAccount, type UnlinkedAccount } from './unlink-account.handler.ts'

/** Platform accounts of people: operators link and unlink them, people unlink their own. */
@Controller('v1/accounts')
export class LinkAccountController {
  readonly #pool: pg.Pool
  readonly #accounts: LinkAccount
  readonly #unlinking: UnlinkAccount

  constructor(
    @Inject(NOTIFIER_POOL) pool: pg.Pool,
    @Inject(LinkAccount) accounts: LinkAccount,
    @Inject(UnlinkAccount) unlinking: UnlinkAccount,
  ) {
    this.#pool = pool
    this.#accounts = accounts
    this.#unlinking = unlinking
  }

  @Post(':accountId/unlink')
  @HttpCode(200)
  async unlinkAccount(
    @Param('accountId', pathParameter(Uuid)) accountId: string,
    @Body(validateBody(UnlinkAccountBody)) { reason }: UnlinkAccountBody,
    @Requester() identity: Identity,
  ): Promise<UnlinkedAccount> {
    const caller = orRefuse(await humanCaller(this.#pool, identity))
    if (findSecret(reason) !== undefined) throw new Refused({ code: 'secret_in_field', pointer: '/reason' })
    const { tenantId, subjectId: by } = caller
    return orRefuse(await this.#unlinking.handle({ tenantId, accountId, by, mayUnlinkAll: isOperator(caller), reason }))
  }

  @Post()
  @HttpCode(200)
  async linkAccount(
    @Body(validateBody(LinkAccountBody)) body: LinkAccountBody,
    @Requester() identity: Identity,
  ): Promise<LinkedAccount> {
    const { tenantId, subjectId } = orRefuse(await operatorCaller(this.#pool, identity))
    return orRefuse(await this.#accounts.handle({ ...body, tenantId, changedBy: subjectId, seeded: false }))
  }
}
