import {
  ChangeGroupBody,
  type ChangedGroup,
  FreeLoginBody,
  type FreedLogin,
  GroupName,
  LinkPeopleBody,
  RegisterPersonBody,
  ReviewEntryBody,
  Uuid,
  type GroupList,
  type LoginTenants,
  type PeopleList,
  type ReviewedEntry,
} from '@countersign/contracts'
import { isDirectoryFed, withTenants } from '@countersign/event-store'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, Refused, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common'
import { callerIn, operatorCaller, readerIn, reviewers } from '../caller.ts'
import { NOTIFIER_POOL } from '../tokens.ts'
import type pg from 'pg'
import { Type } from 'typebox'
import { ChangeGroup } from './change-group.handler.ts'
import { checkTexts } from './check-texts.ts'
import { type LinkedPeople, LinkPeople } from './link-people.handler.ts'
import { ReadDirectory } from './read-directory.ts'
import { FreeLogin } from './free-login.handler.ts'
import { type RegisteredPerson, RegisterPerson } from './register-person.handler.ts'

import { ReviewGroup } from './review-group.handler.ts'

const limit = Type.Integer({ minimum: 1, maximum: 100, default: 50 })
const PeopleQuery = Type.Object({
  person: Type.Optional(Uuid),
  issuer: Type.Optional(Type.String({ maxLength: 512 })),
  subject: Type.Optional(Type.String({ maxLength: 255 })),
  group: Type.Optional(GroupName),
  after: Type.Optional(Uuid),
  limit,
})
const LoginQuery = Type.Object({
  issuer: Type.String({ minLength: 1, maxLength: 512 }),
  subject: Type.String({ minLength: 1, maxLength: 255 }),
})
const GroupsQuery = Type.Object({ name: Type.Optional(GroupName), after: Type.Optional(GroupName), limit })

/** People and groups, for operators; those who audit read them. */
@Controller('v1/directory')
export class KeepDirectoryController {
  readonly #pool: pg.Pool
  readonly #people: RegisterPerson
  readonly #logins: FreeLogin
  readonly #links: LinkPeople
  readonly #groups: ChangeGroup
  readonly #reviews: ReviewGroup
  readonly #directory: ReadDirectory

  constructor(
    @Inject(NOTIFIER_POOL) pool: pg.Pool,
    @Inject(RegisterPerson) people: RegisterPerson,
    @Inject(FreeLogin) logins: FreeLogin,
    @Inject(LinkPeople) links: LinkPeople,
    @Inject(ChangeGroup) groups: ChangeGroup,
    @Inject(ReviewGroup) reviews: ReviewGroup,
    @Inject(ReadDirectory) directory: ReadDirectory,
  ) {
    this.#pool = pool
    this.#people = people
    this.#logins = logins
    this.#links = links
    this.#groups = groups
    this.#reviews = reviews
    this.#directory = directory
  }

  @Post('people')
  @HttpCode(200)
  async registerPerson(
    @Body(validateBody(RegisterPersonBody)) body: RegisterPersonBody,
    @Requester() identity: Identity,
  ): Promise<RegisteredPerson> {
    const { tenantId, subjectId } = orRefuse(await operatorCaller(this.#pool, identity))
    const { displayName, email, issuer, subject, kind, reason } = body
    checkTexts({ displayName, email, issuer, subject, reason })
    // Ending what somebody may do is always possible.
    const isRestricted = body.active === false || (kind !== undefined && kind !== 'human')
    if (!isRestricted && (await withTenants(this.#pool, [tenantId], (tx) => isDirectoryFed(tx, tenantId))))
      throw new Refused({ code: 'directory_fed' })
    return orRefuse(
      await this.#people.admit({
        tenantId,
        issuer,
        subject,
        displayName,
        ...(email === undefined ? {} : { email }),
        active: body.active ?? true,
        ...(kind === undefined ? {} : { kind }),
        ...(reason === undefined ? {} : { reason }),
        changedBy: subjectId,
        seeded: false,
      }),
    )
  }

  @Get('logins')
  @EdgeRoute({ query: LoginQuery })
  async readLogin(
    @Query() login: Type.Static<typeof LoginQuery>,
    @Requester() identity: Identity,
  ): Promise<LoginTenants> {
    const caller = orRefuse(await operatorCaller(this.#pool, identity))
    return orRefuse(await this.#logins.tenantsOf(caller, login))
  }

  @Post('logins/free')
  @HttpCode(200)
  async freeLogin(
    @Body(validateBody(FreeLoginBody)) body: FreeLoginBody,
    @Requester() identity: Identity,
  ): Promise<FreedLogin> {
    const caller = orRefuse(await operatorCaller(this.#pool, identity))
    checkTexts({ reason: body.reason })
    return orRefuse(await this.#logins.handle(caller, body))
  }

  @Post('people/link')
  @HttpCode(200)
  async linkPeople(
    @Body(validateBody(LinkPeopleBody)) { people, same, reason }: LinkPeopleBody,
    @Requester() identity: Identity,
  ): Promise<LinkedPeople> {
    const { tenantId, subjectId: changedBy } = orRefuse(await operatorCaller(this.#pool, identity))
    checkTexts({ reason })
    const [person = '', other = ''] = people
    return orRefuse(await this.#links.handle({ tenantId, people: [person, other], same, changedBy, reason }))
  }

  @Post('groups')
  @HttpCode(200)
  async changeGroup(
    @Body(validateBody(ChangeGroupBody)) body: ChangeGroupBody,
    @Requester() identity: Identity,
  ): Promise<ChangedGroup> {
    const { tenantId, subjectId } = orRefuse(await operatorCaller(this.#pool, identity))
    const { group, add = [], remove = [], reason } = body
    checkTexts({ reason })
    return orRefuse(
      await this.#groups.handle({
        tenantId,
        group,
        add,
        remove,
        changedBy: subjectId,
        seeded: false,
        ...(reason === undefined ? {} : { reason }),
      }),
    )
  }

  @Post('groups/review')
  @HttpCode(200)
  async reviewGroup(
    @Body(validateBody(ReviewEntryBody)) body: ReviewEntryBody,
    @Requester() identity: Identity,
  ): Promise<ReviewedEntry> {
    const caller = orRefuse(await callerIn(this.#pool, identity, reviewers))
    checkTexts({ reason: body.reason })
    return orRefuse(await this.#reviews.handle(caller, body))
  }

  @Get('people')
  @EdgeRoute({ query: PeopleQuery })
  async listPeople(
    @Query() search: Type.Static<typeof PeopleQuery>,
    @Requester() identity: Identity,
  ): Promise<PeopleList> {
    const { tenantId } = orRefuse(await readerIn(this.#pool, identity))
    return this.#directory.people(tenantId, search)
  }

  @Get('groups')
  @EdgeRoute({ query: GroupsQuery })
  async listGroups(
    @Query() search: Type.Static<typeof GroupsQuery>,
    @Requester() identity: Identity,
  ): Promise<GroupList> {
    const { tenantId } = orRefuse(await readerIn(this.#pool, identity))
    return this.#directory.groups(tenantId, search)
  }
}
