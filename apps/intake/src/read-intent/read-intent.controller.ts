import { type IntentView, refuse, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, pathParameter, Requester } from '@countersign/service-kit'
import { Controller, Get, Inject, Param, Query } from '@nestjs/common'
import type pg from 'pg'
import { Type } from 'typebox'
import { callerOf, speaksFor } from '../caller.ts'
import { POOL, READ_INTENT } from '../tokens.ts'
import type { ReadIntent } from './wait-for-decision.ts'

const longestWaitMs = 25_000

/** Groups whose members may read every intent of their tenant. */
const readers = ['auditors', 'operators', 'analysts']

@Controller('v1/intents')
export class ReadIntentController {
  readonly #pool: pg.Pool
  readonly #read: ReadIntent

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(READ_INTENT) read: ReadIntent) {
    this.#pool = pool
    this.#read = read
  }

  @Get(':intentId')
  @EdgeRoute({ query: Type.Object({ waitMs: Type.Integer({ minimum: 0, maximum: longestWaitMs, default: 0 }) }) })
  async read(
    @Param('intentId', pathParameter(Uuid)) intentId: string,
    @Query('waitMs') waitMs: number,
    @Requester() identity: Identity,
  ): Promise<IntentView> {
    const caller = orRefuse(await callerOf(this.#pool, identity))
    const view = await this.#read.handle({
      tenantId: caller.tenantId,
      intentId,
      waitMs,
      mayRead: (intent) =>
        caller.kind === 'client' ? speaksFor(caller, intent) : caller.groups.some((group) => readers.includes(group)),
    })
    return orRefuse(view ?? refuse('unknown_intent'))
  }
}
