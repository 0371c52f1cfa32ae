import { RegisterAgentBody, refuse } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import type { KeepRegisters } from '../keep-registers/keep-registers.controller.ts'
import { KEEP_REGISTERS, POOL } from '../tokens.ts'

@Controller('v1/agents')
export class RegisterAgentController {
  readonly #pool: pg.Pool
  readonly #registers: KeepRegisters

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(KEEP_REGISTERS) registers: KeepRegisters) {
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
    const registered = await this.#registers.change.ownAgent(caller, body)
    return { agent: body.name, subjectId: orRefuse(registered).subjectId }
  }
}
