import { RegisterAgentBody, refuse } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { POOL, REGISTERS } from '../tokens.ts'
import type { Registers } from './register.handler.ts'

@Controller('v1/agents')
export class RegisterAgentController {
  readonly #pool: pg.Pool
  readonly #registers: Registers

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(REGISTERS) registers: Registers) {
    this.#pool = pool
    this.#registers = registers
  }

  /** A producer's own client registers its agents; they belong to whoever owns the producer. */
  @Post()
  @HttpCode(200)
  async register(
    @Body(validateBody(RegisterAgentBody)) body: RegisterAgentBody,
    @Requester() identity: Identity,
  ): Promise<{ agent: string; subjectId: string }> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    // An agent's own client speaks for that agent only.
    if (caller.agent !== undefined) return orRefuse(refuse('not_allowed'))
    const registered = await this.#registers.newAgent({
      tenantId: caller.tenantId,
      agent: body.name,
      kind: body.kind,
      producer: caller.producer,
      issuer: caller.issuer,
      clientId: null,
      ownerSubject: caller.producerOwner.subjectId,
      ownerGroup: caller.producerOwner.group,
      changedBy: null,
      seeded: false,
    })
    return { agent: body.name, subjectId: orRefuse(registered).subjectId }
  }
}
