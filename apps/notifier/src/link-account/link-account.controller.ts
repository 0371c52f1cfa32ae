import { LinkAccountBody } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { operatorCaller } from '../caller.ts'
import { NOTIFIER_POOL } from '../tokens.ts'
import { LinkAccount, type LinkedAccount } from './link-account.handler.ts'

/** Platform accounts of people, for operators. */
@Controller('v1/accounts')
export class LinkAccountController {
  readonly #pool: pg.Pool
  readonly #accounts: LinkAccount

  constructor(@Inject(NOTIFIER_POOL) pool: pg.Pool, @Inject(LinkAccount) accounts: LinkAccount) {
    this.#pool = pool
    this.#accounts = accounts
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
