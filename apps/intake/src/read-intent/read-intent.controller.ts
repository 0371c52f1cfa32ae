import { type EventData, IntentState, type IntentView, refuse, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, pathParameter, Requester } from '@countersign/service-kit'
import { Controller, Get, Inject, Param, Query } from '@nestjs/common'
import type pg from 'pg'
import { Type } from 'typebox'
import { type Caller, callerOf, speaksFor } from '../caller.ts'
import { POOL, READ_INTENT } from '../tokens.ts'
import type { ReadIntent } from './wait-for-decision.ts'

const longestWaitMs = 25_000

/** Groups whose members may read every intent of their tenant. */
const readers = ['auditors', 'operators', 'analysts']

/** A client reads what it speaks for; a person what they asked for or what was asked for them, and with a group that reads, all. */
const mayRead = (caller: Caller, intent: EventData<'ActionIntentPublished'>): boolean => {
  if (caller.kind === 'client') return speaksFor(caller, intent)
  const { requester, onBehalfOf } = intent
  return [requester, onBehalfOf].includes(caller.subjectId) || caller.groups.some((group) => readers.includes(group))
}

@Controller('v1/intents')
export class ReadIntentController {
  readonly #pool: pg.Pool
  readonly #read: ReadIntent

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(READ_INTENT) read: ReadIntent) {
    this.#pool = pool
    this.#read = read
  }

  @Get(':intentId')
  @EdgeRoute({
    query: Type.Object({
      waitMs: Type.Integer({ minimum: 0, maximum: longestWaitMs, default: 0 }),
      known: Type.Optional(IntentState),
    }),
  })
  async read(
    @Param('intentId', pathParameter(Uuid)) intentId: string,
    @Query('waitMs') waitMs: number,
    @Query('known') known: string | undefined,
    @Requester() identity: Identity,
  ): Promise<IntentView> {
    const caller = orRefuse(await callerOf(this.#pool, identity))
    const view = await this.#read.handle({
      tenantId: caller.tenantId,
      intentId,
      waitMs,
      caller: caller.kind === 'client' ? `client/${caller.clientId}` : `person/${caller.subjectId}`,
      known,
      mayRead: (intent) => mayRead(caller, intent),
    })
    return orRefuse(view ?? refuse('unknown_intent'))
  }
}
