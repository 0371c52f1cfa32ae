import { isRefusal, refuse, type Refusal } from '@countersign/contracts'
import { accountRefusal, gatheredOnPool, isProgramsClient, personOf, prepared } from '@countersign/event-store'
import { type Identity, isHuman, type Principal } from '@countersign/identity'
import type pg from 'pg'

/**
 * Whoever publishes, collects and redeems: an OAuth client of one producer of one tenant, or a person who asks for
 * themselves through such a client.
 */
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
  /** Who acted on the way, as the token proves (RFC 8693 `act`). */
  readonly chain: readonly Principal[]
  /** Whether a person asks, without a program in between: then they are the executor, not the client they sit at. */
  readonly isPerson?: true
  /** The person whom the token speaks for while this client acts with it. */
  readonly actsFor?: Principal
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
 * several speaks for nobody: a register of one tenant or producer must never decide who somebody is in another. A token
 * that a client acts with for a person (RFC 8693) is the client's, and says for whom and through whom it was asked.
 */
export const clientCaller = async (pool: pg.Pool, identity: Identity): Promise<ClientCaller | Refusal> => {
  if (isHuman(identity)) return askingPerson(pool, identity)
  // One row per tenant and producer: within a tenant an agent's own client is unique.
  const [row, another] = await producersOf(pool, identity)
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
    ...(identity.kind === 'client' ? {} : { actsFor: { issuer: identity.issuer, subject: identity.subject } }),
  }
}

/**
 * For whom clients speak: at most two rows each, which is one too many already. A client is an agent's own, then with its
 * producer, or a producer's: two look-ups by the client, because one with an `or` reads every producer there is. That of a
 * removed agent is nobody's, whatever its row still names, and never becomes its producer's.
 */
const producersOf = gatheredOnPool(
  async (pool, clients: readonly Pick<Identity, 'issuer' | 'clientId'>[]): Promise<ClientRow[][]> => {
    const { rows } = await pool.query<ClientRow & { place: string }>(
      prepared(
        `select q.place, c.* from unnest($1::text[], $2::text[]) with ordinality as q(iss, client_id, place)
       cross join lateral (
         select p.tenant_id, p.name as producer, p.owner_subject_id, p.owner_group, a.name as agent
         from countersign.agent a
         cross join lateral (select * from countersign.producer i
           where i.tenant_id = a.tenant_id and i.name = a.producer and i.removed_at is null offset 0) as p
         where a.iss = q.iss and a.client_id = q.client_id and a.removed_at is null
         union all
         select p.tenant_id, p.name, p.owner_subject_id, p.owner_group, null
         from countersign.producer p
         where p.iss = q.iss and p.client_id = q.client_id and p.removed_at is null
           and not exists (select from countersign.agent a where a.iss = q.iss and a.client_id = q.client_id
             and a.tenant_id = p.tenant_id and a.producer = p.name)
         limit 2) as c`,
        [clients.map(({ issuer }) => issuer), clients.map(({ clientId }) => clientId)],
      ),
    )
    return clients.map((_client, place) => rows.filter((row) => Number(row.place) === place + 1))
  },
)

type AskingRow = Omit<ClientRow, 'agent'> & { agent: string }

/**
 * A person who asks in their own name: active in the directory of the client's tenant, and registered there as an agent of
 * kind person that they own themselves. From here on they go the way of every agent.
 */
const askingPerson = async (pool: pg.Pool, identity: Identity): Promise<ClientCaller | Refusal> => {
  const person = await personOf(pool, identity)
  if (person === undefined) return refuse('person_inactive')
  const { rows } = await pool.query<AskingRow>(
    prepared(
      `select p.tenant_id, p.name as producer, p.owner_subject_id, p.owner_group, a.name as agent
     from countersign.producer p
     join countersign.agent a on a.tenant_id = p.tenant_id and a.producer = p.name
     where p.iss = $1 and p.client_id = $2 and p.tenant_id = $3 and a.kind = 'person' and a.owner_subject_id = $4
       and a.removed_at is null
     limit 2`,
      [identity.issuer, identity.clientId, person.tenantId, person.subjectId],
    ),
  )
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
    agent: row.agent,
    chain: [],
    isPerson: true,
  }
}

/** The subject under which a caller executes what it asked for. */
export const executingSubject = ({ isPerson, subject, clientId }: ClientCaller): string =>
  isPerson === true ? subject : clientId

/**
 * A human who does something that only a human may. The directory says who a person is and which groups they hold now; nothing
 * in the token does. A token that somebody else acts with (RFC 8693 `act`) is no person's, nor is one that a program's client
 * was given, nor that of a shared account: whatever a human has to do cannot be delegated, and somebody answers for it.
 */
export const personCaller = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> => {
  const caller = await accountCaller(pool, identity)
  return 'refused' in caller ? caller : ((await accountRefusal(pool, caller)) ?? caller)
}

/**
 * Whoever signs in by an account of the directory, be it shared: enough to read, and to freeze. To stop something by mistake
 * costs an hour; not to be let stop it may cost what the whole product is there to keep. To lift a freeze takes a human.
 */
export const accountCaller = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> => {
  const caller = await personIn(pool, identity)
  if ('refused' in caller) return caller
  return (await isProgramsClient(pool, identity)) ? refuse('not_human') : caller
}

const personIn = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> => {
  if (!isHuman(identity)) return refuse('not_human')
  const person = await personOf(pool, identity)
  return person === undefined ? refuse('person_inactive') : { kind: 'person', ...person }
}

/**
 * Whoever sent a request: a person by themselves, else the client that acts. Who asks for themselves may do so through a client
 * that programs have too; what only a human may do asks for `personCaller`.
 */
export const callerOf = (pool: pg.Pool, identity: Identity): Promise<Caller | Refusal> =>
  isHuman(identity) ? personIn(pool, identity) : clientCaller(pool, identity)

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
