import {
  AgentName,
  ProducerName,
  RegisterOwnedAgentBody,
  RegisterProducerBody,
  RemoveEntryBody,
  ReviewEntryBody,
  type AgentList,
  type ChangedEntry,
  type ProducerList,
  type ReviewedEntry,
} from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common'
import type pg from 'pg'
import { Type } from 'typebox'
import { KEEP_REGISTERS, POOL } from '../tokens.ts'
import type { ChangeEntry } from './change-entry.ts'
import type { ReadRegisters } from './read-registers.ts'
import type { RemoveEntry } from './remove-entry.ts'
import type { ReviewEntry } from './review-entry.ts'
import { callerIn, changers, readerIn, reviewers, unclearText } from './who-may.ts'

/** What the controller works with. */
export type KeepRegisters = {
  readonly read: ReadRegisters
  readonly change: ChangeEntry
  readonly remove: RemoveEntry
  readonly review: ReviewEntry
}

const page = {
  removed: Type.Boolean({ default: false }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
} as const
const AgentsQuery = Type.Object({
  name: Type.Optional(AgentName),
  producer: Type.Optional(ProducerName),
  after: Type.Optional(AgentName),
  ...page,
})
const ProducersQuery = Type.Object({
  name: Type.Optional(ProducerName),
  after: Type.Optional(ProducerName),
  ...page,
})

/** Agents and producers, for those who operate and audit. */
@Controller('v1')
export class KeepRegistersController {
  readonly #pool: pg.Pool
  readonly #registers: KeepRegisters

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(KEEP_REGISTERS) registers: KeepRegisters) {
    this.#pool = pool
    this.#registers = registers
  }

  @Get('agents')
  @EdgeRoute({ query: AgentsQuery })
  async listAgents(
    @Query() search: Type.Static<typeof AgentsQuery>,
    @Requester() identity: Identity,
  ): Promise<AgentList> {
    const { tenantId } = orRefuse(await readerIn(this.#pool, identity))
    return this.#registers.read.agents(tenantId, search)
  }

  @Post('agents/register')
  @HttpCode(200)
  async registerAgent(
    @Body(validateBody(RegisterOwnedAgentBody)) body: RegisterOwnedAgentBody,
    @Requester() identity: Identity,
  ): Promise<ChangedEntry> {
    const caller = orRefuse(await callerIn(this.#pool, identity, changers))
    const { name, clientId, issuer, reason } = body
    orRefuse(unclearText({ name, clientId, issuer, reason }) ?? caller)
    return orRefuse(await this.#registers.change.agent({ ...caller, client: identity }, body))
  }

  @Post('agents/remove')
  @HttpCode(200)
  async removeAgent(
    @Body(validateBody(RemoveEntryBody)) body: RemoveEntryBody,
    @Requester() identity: Identity,
  ): Promise<ChangedEntry> {
    return this.#remove('agent', body, identity)
  }

  @Post('agents/review')
  @HttpCode(200)
  async reviewAgent(
    @Body(validateBody(ReviewEntryBody)) body: ReviewEntryBody,
    @Requester() identity: Identity,
  ): Promise<ReviewedEntry> {
    return this.#review('agent', body, identity)
  }

  @Get('producers')
  @EdgeRoute({ query: ProducersQuery })
  async listProducers(
    @Query() search: Type.Static<typeof ProducersQuery>,
    @Requester() identity: Identity,
  ): Promise<ProducerList> {
    const { tenantId } = orRefuse(await readerIn(this.#pool, identity))
    return this.#registers.read.producers(tenantId, search)
  }

  @Post('producers/register')
  @HttpCode(200)
  async registerProducer(
    @Body(validateBody(RegisterProducerBody)) body: RegisterProducerBody,
    @Requester() identity: Identity,
  ): Promise<ChangedEntry> {
    const caller = orRefuse(await callerIn(this.#pool, identity, changers))
    const { name, clientId, issuer, reason } = body
    orRefuse(unclearText({ name, clientId, issuer, reason }) ?? caller)
    return orRefuse(await this.#registers.change.producer({ ...caller, client: identity }, body))
  }

  @Post('producers/remove')
  @HttpCode(200)
  async removeProducer(
    @Body(validateBody(RemoveEntryBody)) body: RemoveEntryBody,
    @Requester() identity: Identity,
  ): Promise<ChangedEntry> {
    return this.#remove('producer', body, identity)
  }

  @Post('producers/review')
  @HttpCode(200)
  async reviewProducer(
    @Body(validateBody(ReviewEntryBody)) body: ReviewEntryBody,
    @Requester() identity: Identity,
  ): Promise<ReviewedEntry> {
    return this.#review('producer', body, identity)
  }

  async #remove(register: 'agent' | 'producer', body: RemoveEntryBody, identity: Identity): Promise<ChangedEntry> {
    const caller = orRefuse(await callerIn(this.#pool, identity, changers))
    orRefuse(unclearText({ reason: body.reason }) ?? caller)
    return orRefuse(await this.#registers.remove.handle(caller, register, body))
  }

  async #review(register: 'agent' | 'producer', body: ReviewEntryBody, identity: Identity): Promise<ReviewedEntry> {
    const caller = orRefuse(await callerIn(this.#pool, identity, reviewers))
    orRefuse(unclearText({ reason: body.reason }) ?? caller)
    return orRefuse(await this.#registers.review.handle(caller, register, body))
  }
}
