import { ChangeGroupBody, RegisterPersonBody } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Refused, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import { findSecret, hasHiddenText } from '@countersign/redaction'
import { operatorCaller } from '../caller.ts'
import { NOTIFIER_POOL } from '../tokens.ts'
import type pg from 'pg'
import { ChangeGroup, type ChangedGroup } from './change-group.handler.ts'
import { type RegisteredPerson, RegisterPerson } from './register-person.handler.ts'

/** People and groups, for operators. */
@Controller('v1/directory')
export class KeepDirectoryController {
  readonly #pool: pg.Pool
  readonly #people: RegisterPerson
  readonly #groups: ChangeGroup

  constructor(
    @Inject(NOTIFIER_POOL) pool: pg.Pool,
    @Inject(RegisterPerson) people: RegisterPerson,
    @Inject(ChangeGroup) groups: ChangeGroup,
  ) {
    this.#pool = pool
    this.#people = people
    this.#groups = groups
  }

  @Post('people')
  @HttpCode(200)
  async registerPerson(
    @Body(validateBody(RegisterPersonBody)) body: RegisterPersonBody,
    @Requester() identity: Identity,
  ): Promise<RegisteredPerson> {
    const { tenantId, subjectId } = orRefuse(await operatorCaller(this.#pool, identity))
    if (hasHiddenText(body.displayName)) throw new Refused({ code: 'hidden_text', pointer: '/displayName' })
    for (const field of ['displayName', 'email', 'issuer', 'subject'] as const) {
      if (findSecret(body[field] ?? '') !== undefined)
        throw new Refused({ code: 'secret_in_field', pointer: `/${field}` })
    }
    return this.#people.handle({
      tenantId,
      issuer: body.issuer,
      subject: body.subject,
      displayName: body.displayName,
      ...(body.email === undefined ? {} : { email: body.email }),
      active: body.active ?? true,
      changedBy: subjectId,
      seeded: false,
    })
  }

  @Post('groups')
  @HttpCode(200)
  async changeGroup(
    @Body(validateBody(ChangeGroupBody)) body: ChangeGroupBody,
    @Requester() identity: Identity,
  ): Promise<ChangedGroup> {
    const { tenantId, subjectId } = orRefuse(await operatorCaller(this.#pool, identity))
    const { group, add = [], remove = [] } = body
    return orRefuse(await this.#groups.handle({ tenantId, group, add, remove, changedBy: subjectId, seeded: false }))
  }
}
