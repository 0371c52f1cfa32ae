import type { Bus } from '@countersign/bus'
import {
  groups,
  refuse,
  topics,
  type ParkedKeyList,
  type RedriveParkedBody,
  type RedrivenParked,
  type Refusal,
} from '@countersign/contracts'
import { type EventStore, registerStream, type StreamRef, withTenants } from '@countersign/event-store'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'

export type RedriveParkedOptions = { readonly pool: pg.Pool; readonly bus: Bus; readonly store: EventStore }

/** Groups that consume events and may park the key of an intent. */
const parking = [groups.policy, groups.notifier, groups.ledger, groups.lineage] as const

const streamOf = (tenantId: string, { group, key }: RedriveParkedBody): StreamRef =>
  registerStream(tenantId, 'parked', group, key)

/**
 * Keys of events that a service parked because one of them was poison. The bus is shared by all tenants: an operator sees
 * and lets go only what belongs to a stream of the own tenant.
 */
export class RedriveParked {
  readonly #options: RedriveParkedOptions

  constructor(options: RedriveParkedOptions) {
    this.#options = options
  }

  async list(caller: PersonCaller): Promise<ParkedKeyList | Refusal> {
    if (!caller.groups.includes('operators')) return refuse('not_allowed')
    const parked: ParkedKeyList['keys'] = []
    for (const group of parking)
      for (const { key, topic, ...one } of await this.#options.bus.parked(group))
        if (key !== null && topic === topics.events) parked.push({ group, topic, key, ...one })
    const own = await this.#ownStreams(
      caller.tenantId,
      parked.map(({ key }) => key),
    )
    return { keys: parked.filter(({ key }) => own.has(key)) }
  }

  /** Lets the service deliver the key's records again; recorded before that, so that none goes unrecorded. */
  async redrive(caller: PersonCaller, body: RedriveParkedBody): Promise<RedrivenParked | Refusal> {
    const listed = await this.list(caller)
    if ('refused' in listed) return listed
    const { group, topic, key } = body
    const parked = listed.keys.find((one) => one.group === group && one.topic === topic && one.key === key)
    if (parked === undefined) return refuse('not_found')
    const stream = streamOf(caller.tenantId, body)
    const { records } = parked
    await this.#options.store.execute(
      { streams: [stream] },
      {
        decide: () => ({
          append: [
            {
              stream,
              events: [{ type: 'ParkedKeyRedriven', data: { group, topic, key, records, by: caller.subjectId } }],
            },
          ],
          answer: undefined,
        }),
      },
    )
    return { records: await this.#options.bus.redrive(group, topic, key) }
  }

  /** Those of the keys that name a stream of the tenant. */
  async #ownStreams(tenantId: string, keys: readonly string[]): Promise<Set<string>> {
    const ids = [...new Set(keys)].filter((key) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(key))
    if (ids.length === 0) return new Set()
    const { rows } = await withTenants(this.#options.pool, [tenantId], (tx) =>
      tx.query<{ stream_id: string }>(
        `select distinct stream_id from countersign.event where stream_id = any ($1::uuid[]) and tenant_id = $2`,
        [ids, tenantId],
      ),
    )
    return new Set(rows.map((row) => row.stream_id))
  }
}
