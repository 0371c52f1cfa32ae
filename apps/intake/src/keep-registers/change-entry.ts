import {
  isRefusal,
  refuse,
  type ChangedEntry,
  type EntryOwner,
  type Refusal,
  type RegisterAgentBody,
  type RegisterOwnedAgentBody,
  type RegisterProducerBody,
} from '@countersign/contracts'
import {
  agentsByName,
  groupsByName,
  oneAtATime,
  peopleById,
  type ProducerEntry,
  producersByName,
  prepared,
  withTenants,
  type Transaction,
} from '@countersign/event-store'
import type pg from 'pg'
import type { ClientCaller, PersonCaller } from '../caller.ts'
import type { Ownership, RegisterAgent, RegisteredAgent, Registers } from '../register-agent/register.handler.ts'
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

/**
 * A client speaks for one agent or producer, in all tenants: for several it would speak for none. Of two who register it in the
 * same moment the second sees the first.
 */
const takenClient = async (
  tx: Transaction,
  tenantId: string,
  { register, name, issuer, clientId }: Client & { readonly clientId: string },
): Promise<Refusal | undefined> => {
  await oneAtATime(tx, ['countersign.client', issuer, clientId])
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
        (await this.#unfitProducer(tx, caller, { producer, issuer, clientId, kind })) ??
        (await unknownOwner(tx, tenantId, owner)) ??
        (clientId === null
          ? undefined
          : await takenClient(tx, tenantId, { register: 'agent', name, issuer, clientId })),
    )
    return isRefusal(changed) ? changed : { name, ...changed }
  }

  /** Registers an agent for its producer's own client. It belongs to whoever owns the producer. */
  ownAgent(caller: ClientCaller, { name, kind }: RegisterAgentBody): Promise<RegisteredAgent | Refusal> {
    const { tenantId, producer, producerOwner, issuer, clientId } = caller
    return this.#registers.newAgent(
      {
        tenantId,
        agent: name,
        kind,
        producer,
        issuer,
        clientId: null,
        ownerSubject: producerOwner.subjectId,
        ownerGroup: producerOwner.group,
        changedBy: null,
        seeded: false,
      },
      async (tx) => {
        const of = await producerNow(tx, tenantId, producer)
        if (of?.iss !== issuer || of.clientId !== clientId) return refuse('unknown_producer')
        return kind !== 'person' && this.#peopleClients.has({ issuer, clientId })
          ? refuse('client_of_people')
          : undefined
      },
    )
  }

  /** A producer that has gone meanwhile, or a client of people for a program: neither its own nor its producer's is one. */
  async #unfitProducer(
    tx: Transaction,
    { tenantId, client: asker }: Changer,
    { producer, issuer, clientId, kind }: Pick<RegisterAgent, 'producer' | 'issuer' | 'clientId' | 'kind'>,
  ): Promise<Refusal | undefined> {
    const of = await producerNow(tx, tenantId, producer)
    if (of === undefined) return refuse('unknown_producer', { pointer: '/producer' })
    if (kind === 'person') return undefined
    const own = clientId === null ? undefined : this.#peopleClients.refusalOf({ issuer, clientId }, asker, '/clientId')
    if (own !== undefined || of.iss === null || of.clientId === null) return own
    return this.#peopleClients.refusalOf({ issuer: of.iss, clientId: of.clientId }, asker, '/producer')
  }
}

/** A producer as it stands while its stream is held; undefined once it was taken out of the register. */
const producerNow = async (tx: Transaction, tenantId: string, name: string): Promise<ProducerEntry | undefined> => {
  const [entry] = await producersByName(tx, [{ tenantId, name }])
  return entry?.removedAt === null ? entry : undefined
}
