import { refuse, type FreezeScope, type Refusal, type RegisterEvent } from '@countersign/contracts'
import { newId, type EventStore, type StreamRef, type Transaction } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
import type { PersonCaller } from '../caller.ts'

const streamOf = (tenantId: string, freezeId: string): StreamRef => ({
  kind: 'register',
  streamId: nameId('freeze', tenantId, freezeId),
  tenantId,
})

const valueOf = (scope: FreezeScope): string | null => {
  switch (scope.kind) {
    case 'tenant':
      return null
    case 'agent':
      return scope.agent
    case 'action':
      return scope.action
    case 'environment':
      return scope.environment
    default:
      return scope satisfies never
  }
}

/**
 * The stop switch: no grant is issued or redeemed under a freeze. Anyone who reviews or operates may freeze; only operators
 * lift a freeze. It takes effect with its commit and needs no bus.
 */
export class Freeze {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async freeze(caller: PersonCaller, scope: FreezeScope): Promise<{ freezeId: string } | Refusal> {
    if (!caller.groups.includes('operators') && !caller.groups.includes('security-admins')) return refuse('not_allowed')
    const freezeId = newId()
    const { tenantId, subjectId } = caller
    await this.#append(tenantId, freezeId, {
      event: { type: 'Frozen', data: { freezeId, scope, by: subjectId } },
      row: (tx) =>
        tx.query(
          'insert into countersign.freeze (tenant_id, freeze_id, scope_kind, scope_value, frozen_by) values ($1, $2, $3, $4, $5)',
          [tenantId, freezeId, scope.kind, valueOf(scope), subjectId],
        ),
    })
    return { freezeId }
  }

  async unfreeze(caller: PersonCaller, freezeId: string): Promise<Refusal | undefined> {
    if (!caller.groups.includes('operators')) return refuse('not_allowed')
    const { tenantId, subjectId } = caller
    const known = await this.#append(tenantId, freezeId, {
      event: { type: 'Unfrozen', data: { freezeId, by: subjectId } },
      row: (tx) =>
        tx.query(
          `update countersign.freeze set active = false, unfrozen_by = $3, unfrozen_at = clock_timestamp()
           where tenant_id = $1 and freeze_id = $2`,
          [tenantId, freezeId, subjectId],
        ),
    })
    return known ? undefined : refuse('not_found')
  }

  /** Appends once: a freeze opens its stream, lifting it needs an open one. Answers whether the freeze is known. */
  async #append(
    tenantId: string,
    freezeId: string,
    change: { event: RegisterEvent; row: (tx: Transaction) => Promise<unknown> },
  ): Promise<boolean> {
    const stream = streamOf(tenantId, freezeId)
    const { answer } = await this.#store.execute(
      { streams: [stream] },
      {
        decide: (_command, loaded) => {
          const last = loaded.of(stream).events.at(-1)
          const fits = change.event.type === 'Frozen' ? last === undefined : last?.type === 'Frozen'
          return { append: fits ? [{ stream, events: [change.event] }] : [], answer: last !== undefined || fits }
        },
        effects: async (tx, [decided]) => {
          if ((decided?.events.length ?? 0) > 0) await change.row(tx)
        },
      },
    )
    return answer
  }
}
