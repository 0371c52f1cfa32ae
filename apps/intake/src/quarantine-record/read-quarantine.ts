import {
  refuse,
  type QuarantinedContent,
  type QuarantinedRecord,
  type QuarantineList,
  type Refusal,
} from '@countersign/contracts'
import { withTenants, type EventStore, type Keyring } from '@countersign/event-store'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'
import { findQuarantined, type QuarantineSearch } from './find-quarantined.ts'
import { openSealed, quarantineStream } from './open-quarantined.ts'

export type ReadQuarantineOptions = { readonly pool: pg.Pool; readonly store: EventStore; readonly keyring: Keyring }

const mayList = ({ groups }: PersonCaller): boolean =>
  groups.includes('operators') || groups.includes('security-admins')

/**
 * The quarantine of a tenant. Operators see where a record stood and why it was not taken; what it holds is for security
 * admins only, and each time one of them reads it that is an event.
 */
export class ReadQuarantine {
  readonly #options: ReadQuarantineOptions

  constructor(options: ReadQuarantineOptions) {
    this.#options = options
  }

  async list(
    caller: PersonCaller,
    search: Omit<QuarantineSearch, 'tenantId' | 'quarantineId'>,
  ): Promise<QuarantineList | Refusal> {
    if (!mayList(caller)) return refuse('not_allowed')
    const { limit } = search
    const found = await this.#find({ ...search, limit: limit + 1, tenantId: caller.tenantId })
    const records = found.slice(0, limit).map(({ view }) => view)
    const next = found.length > limit ? records.at(-1)?.quarantineId : undefined
    return { records, ...(next === undefined ? {} : { next }) }
  }

  async read(caller: PersonCaller, quarantineId: string): Promise<QuarantinedRecord | Refusal> {
    if (!mayList(caller)) return refuse('not_allowed')
    const [found] = await this.#find({ tenantId: caller.tenantId, quarantineId, isOpen: false, limit: 1 })
    return found?.view ?? refuse('not_found')
  }

  /** The content is given out once it is recorded who reads it. */
  async open(caller: PersonCaller, quarantineId: string): Promise<QuarantinedContent | Refusal> {
    const { tenantId, subjectId: by, groups } = caller
    if (!groups.includes('security-admins')) return refuse('not_allowed')
    const found = await this.#find({ tenantId, quarantineId, isOpen: false, limit: 1 })
    const opened = (await openSealed(this.#options.keyring, tenantId, found)).get(quarantineId)
    if (opened === undefined) return refuse('not_found')
    const stream = quarantineStream(tenantId, quarantineId)
    await this.#options.store.execute(
      { streams: [stream] },
      {
        decide: () => ({
          append: [{ stream, events: [{ type: 'QuarantineOpened', data: { quarantineId, by } }] }],
          answer: undefined,
        }),
      },
    )
    const { head, value } = opened
    return { quarantineId, key: head.key, contentType: head.contentType, value: value.toString('base64') }
  }

  #find(search: QuarantineSearch) {
    return withTenants(this.#options.pool, [search.tenantId], (tx) => findQuarantined(tx, search))
  }
}
