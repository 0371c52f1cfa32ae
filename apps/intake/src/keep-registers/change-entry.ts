import {
  isRefusal,
  refuse,
  type ChangedEntry,
  type EntryOwner,
  type Refusal,
  type RegisterOwnedAgentBody,
  type RegisterProducerBody,
} from '@countersign/contracts'
import {
  agentsByName,
  groupsByName,
  peopleById,
  type ProducerEntry,
  producersByName,
  prepared,
  withTenants,
  type Transaction,
} from '@countersign/event-store'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'
import type { Ownership, Registers } from '../register-agent/register.handler.ts'
import { hasPrograms, type OAuthClient, type PeopleClients } from './people-clients.ts'

type Client = { readonly register: 'agent' | 'producer'; readonly name: string; readonly issuer: string }

const unknownOwner = async (tx: Transaction, tenantId: string, owner: EntryOwner): Promise<Refusal | undefined> => {
  if ('group' in owner) {
    const [group] = await groupsByName(tx, [{ tenantId, name: owner.group }])
    return group === undefined ? refuse('unknown_owner', { pointer: '/owner/group' }) : undefined
  }
  const [person] = await peopleById(tx, [{ tenantId, subjectId: owner.person }])
  return person?.active === true ? undefined : refuse('unknown_owner', { pointer: '/owner/person' })
}

/** A client speaks for one agent or producer, in all tenants: for several it would speak for none. */
const takenClient = async (
  tx: Transaction,
  tenantId: string,
  { register, name, issuer, clientId }: Client & { readonly clientId: string },
): Promise<Refusal | undefined> => {
  const { rows } = await tx.query<{ tenant_id: string; register: string; name: string }>(
    prepared(
      `select tenant_id, 'agent' as register, name from countersign.agent where iss = $1 and client_id = $2
     union all select tenant_id, 'producer', name from countersign.producer where iss = $1 and client_id = $2`,
      [issuer, clientId],
    ),
  )
  const isOwn = (row: { tenant_id: string; register: string; name: string }): boolean =>
    row.tenant_id === tenantId && row.register === register && row.name === name
  return rows.every(isOwn) ? undefined : refuse('client_taken', { pointer: '/clientId' })
}

const ownershipOf = (caller: PersonCaller, owner: EntryOwner, reason: string): Ownership => ({
  ownerSubject: 'person' in owner ? owner.person : null,
  ownerGroup: 'group' in owner ? owner.group : null,
  changedBy: caller.subjectId,
  seeded: false,
  reason,
})

export type ChangeEntryOptions = {
  readonly pool: pg.Pool
  readonly registers: Registers
  readonly peopleClients: PeopleClients
}

/** An operator, and the client that was given their token. */
export type Changer = PersonCaller & { readonly client: OAuthClient }

/** Registers agents and producers for operators: owners and clients are checked in the transaction of the change. */
export class ChangeEntry {
  readonly #pool: pg.Pool
  readonly #registers: Registers
  readonly #peopleClients: PeopleClients

  constructor({ pool, registers, peopleClients }: ChangeEntryOptions) {
    this.#pool = pool
    this.#registers = registers
    this.#peopleClients = peopleClients
  }

  async producer(caller: Changer, body: RegisterProducerBody): Promise<ChangedEntry | Refusal> {
    const { tenantId } = caller
    const { name, issuer, clientId, owner, reason } = body
    const changed = await this.#registers.producer(
      { tenantId, producer: name, issuer, clientId, ...ownershipOf(caller, owner, reason) },
      async (tx) =>
        (await unknownOwner(tx, tenantId, owner)) ??
        (await takenClient(tx, tenantId, { register: 'producer', name, issuer, clientId })) ??
        ((await hasPrograms(tx, tenantId, name))
          ? this.#peopleClients.refusalOf({ issuer, clientId }, caller.client, '/clientId')
          : undefined),
    )
    return isRefusal(changed) ? changed : { name, changed: changed.changed }
  }

  async agent(caller: Changer, body: RegisterOwnedAgentBody): Promise<ChangedEntry | Refusal> {
    const { tenantId } = caller
    const { name, kind, producer, clientId = null, owner, reason } = body
    const { of, known } = await withTenants(this.#pool, [tenantId], async (tx) => ({
      of: (await producersByName(tx, [{ tenantId, name: producer }]))[0],
      known: (await agentsByName(tx, [{ tenantId, name }]))[0],
    }))
    const issuer = body.issuer ?? of?.iss ?? null
    if (of === undefined || of.removedAt !== null || issuer === null)
      return refuse('unknown_producer', { pointer: '/producer' })
    const ofPeople = kind === 'person' ? undefined : this.#clientOfPeople(caller.client, { of, issuer, clientId })
    if (ofPeople !== undefined) return ofPeople
    const kept = known?.executorKeyThumbprint ?? null
    const executorKey = body.executorKey === undefined && kept !== null ? { thumbprint: kept } : body.executorKey
    const changed = await this.#registers.checkedAgent(
      {
        tenantId,
        agent: name,
        kind,
        producer,
        issuer,
        clientId,
        ...(executorKey === undefined || executorKey === null ? {} : { executorKey }),
        ...ownershipOf(caller, owner, reason),
      },
      async (tx) =>
        (await unknownOwner(tx, tenantId, owner)) ??
        (clientId === null
          ? undefined
          : await takenClient(tx, tenantId, { register: 'agent', name, issuer, clientId })),
    )
    return isRefusal(changed) ? changed : { name, ...changed }
  }

  /** A program has no client of people, neither its own nor its producer's. */
  #clientOfPeople(
    asker: OAuthClient,
    { of, issuer, clientId }: { of: ProducerEntry; issuer: string; clientId: string | null },
  ): Refusal | undefined {
    const own = clientId === null ? undefined : this.#peopleClients.refusalOf({ issuer, clientId }, asker, '/clientId')
    if (own !== undefined || of.iss === null || of.clientId === null) return own
    return this.#peopleClients.refusalOf({ issuer: of.iss, clientId: of.clientId }, asker, '/producer')
  }
}
