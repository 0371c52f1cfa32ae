import {
  Code,
  Uuid,
  type QuarantinedContent,
  type QuarantinedRecord,
  type QuarantineList,
} from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, pathParameter, Requester } from '@countersign/service-kit'
import { Controller, Get, Header, Inject, Param, Query } from '@nestjs/common'
import type pg from 'pg'
import { Type } from 'typebox'
import { accountCaller, personCaller } from '../caller.ts'
import { POOL, READ_QUARANTINE } from '../tokens.ts'
import type { ReadQuarantine } from './read-quarantine.ts'

const ListQuery = Type.Object({
  reason: Type.Optional(Code),
  topic: Type.Optional(Type.String({ maxLength: 249 })),
  state: Type.Union([Type.Literal('open'), Type.Literal('all')], { default: 'open' }),
  after: Type.Optional(Uuid),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
})

@Controller('v1/quarantine')
export class QuarantineController {
  readonly #pool: pg.Pool
  readonly #quarantine: ReadQuarantine

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(READ_QUARANTINE) quarantine: ReadQuarantine) {
    this.#pool = pool
    this.#quarantine = quarantine
  }

  @Get()
  @EdgeRoute({ query: ListQuery })
  async list(
    @Query() { state, ...search }: Type.Static<typeof ListQuery>,
    @Requester() identity: Identity,
  ): Promise<QuarantineList> {
    const caller = orRefuse(await accountCaller(this.#pool, identity))
    return orRefuse(await this.#quarantine.list(caller, { ...search, isOpen: state === 'open' }))
  }

  @Get(':quarantineId')
  async read(
    @Param('quarantineId', pathParameter(Uuid)) quarantineId: string,
    @Requester() identity: Identity,
  ): Promise<QuarantinedRecord> {
    const caller = orRefuse(await accountCaller(this.#pool, identity))
    return orRefuse(await this.#quarantine.read(caller, quarantineId))
  }

  @Get(':quarantineId/content')
  @Header('cache-control', 'no-store')
  async open(
    @Param('quarantineId', pathParameter(Uuid)) quarantineId: string,
    @Requester() identity: Identity,
  ): Promise<QuarantinedContent> {
    const caller = orRefuse(await personCaller(this.#pool, identity))
    return orRefuse(await this.#quarantine.open(caller, quarantineId))
  }
}
