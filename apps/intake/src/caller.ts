import { isRefusal, refuse, type Refusal } from '@countersign/contracts'
import { personOf, prepared } from '@countersign/event-store'
import type { Identity } from '@countersign/identity'
import type pg from 'pg'

/** An OAuth client that publishes, collects and redeems: it belongs to one producer of one tenant. */
export type ClientCaller = {
  readonly kind: 'client'
  readonly tenantId: string
  readonly producer: string
  readonly producerOwner: { readonly subjectId: string | null; readonly group: string | null }
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  /** Agent that this client is registered for, if it is one agent's own. */
  readonly agent: string | undefined
  readonly chain: readonly { readonly issuer: string; readonly subject: string }[]
}

/** A person of a tenant's directory. */
export type PersonCaller = {
  readonly kind: 'person'
  readonly tenantId: string
  readonly subjectId: string
  readonly groups: readonly string[]
}

export type Caller = ClientCaller | PersonCaller

type ClientRow = {
  tenant_id: string
  producer: string
  owner_subject_id: string | null
  owner_group: string | null
  agent: string | null
}

/**
 * The registers say which producer an OAuth client speaks for. A client that is in none publishes nothing, and one that is in
 * several speaks for nobody: a register of one tenant or producer must never decide who somebody is in another.
 */
export const clientCaller = async (pool: pg.Pool, identity: Identity): Promise<ClientCaller | Refusal> => {
  if (identity.kind !== 'client' || identity.clientId === undefined) return refuse('unknown_producer')
  const { rows } = await pool.query<ClientRow>(
    prepared(
      `select p.tenant_id, p.name as producer, p.owner_subject_id, p.owner_group, a.name as agent
     from countersign.producer p
     left join countersign.agent a
       on a.tenant_id = p.tenant_id and a.producer = p.name and a.iss = $1 and a.client_id = $2
     where p.removed_at is null and ((p.iss = $1 and p.client_id = $2) or a.client_id is not null)
     limit 2`,
      [identity.issuer, identity.clientId],
    ),
  )
  // One row per tenant and producer: within a tenant an agent's own client is unique.
  const [row, another] = rows
  if (row === undefined || another !== undefined) return refuse('unknown_producer')
  return {
    kind: 'client',
    tenantId: row.tenant_id,
    producer: row.producer,
    producerOwner: { subjectId: row.owner_subject_id, group: row.owner_group },
    issuer: identity.issuer,
    subject: identity.subject,
    clientId: identity.clientId,
    agent: row.agent ?? undefined,
    chain: identity.actorChain,
  }
}

/**
 * The directory says who a person is and which groups they hold now; nothing in the token does. A token that somebody else
 * acts with (RFC 8693 `act`) is no person's: whatever a human has to do cannot be delegated.
 */
export const personCaller = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> => {
  if (identity.kind !== 'person' || identity.actorChain.length > 0) return refuse('not_human')
  const person = await personOf(pool, identity)
  return person === undefined ? refuse('person_inactive') : { kind: 'person', ...person }
}

export const callerOf = (pool: pg.Pool, identity: Identity): Promise<Caller | Refusal> =>
  identity.kind === 'person' ? personCaller(pool, identity) : clientCaller(pool, identity)

/** Whether a client may see and end an intent: an agent's own client those of its agent, the producer's all of the producer. */
export const speaksFor = (
  caller: ClientCaller,
  { producer, agent }: { readonly producer: string; readonly agent: { readonly name: string } },
): boolean => caller.producer === producer && (caller.agent === undefined || caller.agent === agent.name)

/** Whom a refused request counts for: the client's producer, or the person, even where somebody else acts for them. */
export const accountableCaller = async (pool: pg.Pool, identity: Identity): Promise<Caller | undefined> => {
  if (identity.kind === 'person') {
    const person = await personOf(pool, identity)
    return person === undefined ? undefined : { kind: 'person', ...person }
  }
  const client = await clientCaller(pool, identity)
  return isRefusal(client) ? undefined : client
}
