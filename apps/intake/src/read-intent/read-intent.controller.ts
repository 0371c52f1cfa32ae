import { type IntentView, refuse, Uuid } from '@countersign/contracts'
import type { EventStore } from '@countersign/event-store'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, pathParameter, Requester } from '@countersign/service-kit'
import { Controller, Get, Inject, Param, Query } from '@nestjs/common'
import type pg from 'pg'
import { Type } from 'typebox'
import { callerOf } from '../caller.ts'
import { APPENDED, POOL, STOPPING, STORE } from '../tokens.ts'
import { readIntent, type AppendedSignal } from './wait-for-decision.ts'

const longestWaitMs = 25_000

/** Groups whose members may read every intent of their tenant. */
const readers = ['auditors', 'operators', 'analysts']

@Controller('v1/intents')
export class ReadIntentController {
  readonly #pool: pg.Pool
  readonly #store: EventStore
  readonly #appended: AppendedSignal
  readonly #stopping: AbortSignal

  constructor(
    @Inject(POOL) pool: pg.Pool,
    @Inject(STORE) store: EventStore,
    @Inject(APPENDED) appended: AppendedSignal,
    @Inject(STOPPING) stopping: AbortSignal,
  ) {
    this.#pool = pool
    this.#store = store
    this.#appended = appended
    this.#stopping = stopping
  }

  @Get(':intentId')
  @EdgeRoute({ query: Type.Object({ waitMs: Type.Integer({ minimum: 0, maximum: longestWaitMs, default: 0 }) }) })
  async read(
    @Param('intentId', pathParameter(Uuid)) intentId: string,
    @Query('waitMs') waitMs: number,
    @Requester() identity: Identity,
  ): Promise<IntentView> {
    const caller = orRefuse(await callerOf(this.#pool, identity))
    const found = await readIntent(
      { store: this.#store, appended: this.#appended },
      { tenantId: caller.tenantId, intentId, waitMs, signal: this.#stopping },
    )
    const may =
      caller.kind === 'client'
        ? found?.producer === caller.producer
        : caller.groups.some((group) => readers.includes(group))
    if (found === undefined || !may) return orRefuse(refuse('unknown_intent'))
    return found.view
  }
}
