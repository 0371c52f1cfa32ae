import {
  isRefusal,
  refuse,
  type EventData,
  type ExecutorKey,
  type PrincipalKind,
  type Refusal,
  type RegisterEvent,
} from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  registerStream,
  resolveSubjects,
  type StoredEvent,
  type StreamRef,
  type Subject,
  type Transaction,
  writeSubjects,
} from '@countersign/event-store'
import { introductionOf } from '../introduction.ts'

/** Who owns what is registered, and who says so. `seeded` belongs to the first start and counts as reviewed. */
export type Ownership = {
  readonly ownerSubject: string | null
  readonly ownerGroup: string | null
  readonly changedBy: string | null
  readonly seeded: boolean
  /** Why, in their words. */
  readonly reason?: string
}

export type RegisterProducer = Ownership & {
  readonly tenantId: string
  readonly producer: string
  readonly issuer: string
  readonly clientId: string
}

export type RegisterAgent = Ownership & {
  readonly tenantId: string
  readonly agent: string
  readonly kind: PrincipalKind
  readonly producer: string
  readonly issuer: string
  /** OAuth client of the agent's own; null when it speaks through its producer's. */
  readonly clientId: string | null
  /** Key that the agent's executor proves to hold; absent when it has none. */
  readonly executorKey?: ExecutorKey
}

/** What a registration changed. */
export type Registered = { readonly changed: boolean }
export type RegisteredAgent = Registered & { readonly subjectId: string }

/** Reads, in the transaction of a registration, whether what it names is there; a refusal where it is not. */
export type Check = (tx: Transaction) => Promise<Refusal | undefined>

/** Whether a registration may follow the last one: a refusal, that it says nothing new, or undefined where it may. */
type Admit = (last: StoredEvent | undefined) => Refusal | 'unchanged' | undefined

/** Tenant ids are random; the first start makes them. */
export type RegisterTenant = { readonly tenantId: string; readonly name: string }

/**
 * Keeps the registers of tenants, producers and agents: each change is an event, and the row that deciders read is written
 * in the same transaction. Registering what is registered already with the same content changes nothing.
 */
export class Registers {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  /** Opens a tenant. */
  async tenant({ tenantId, name }: RegisterTenant): Promise<void> {
    const stream = registerStream(tenantId, 'tenant', name)
    await this.#store.execute(
      { streams: [stream] },
      {
        decide: (_command, loaded) => ({
          append:
            loaded.of(stream).version > 0
              ? []
              : [{ stream, events: [{ type: 'TenantRegistered', data: { tenantId, name } }] }],
          answer: undefined,
        }),
        effects: async (tx, [decided]) => {
          if ((decided?.events.length ?? 0) > 0)
            await tx.query('insert into countersign.tenant (tenant_id, name) values ($1, $2)', [tenantId, name])
        },
      },
    )
  }

  /** Registers a producer, or changes its client or owners. */
  async producer(command: RegisterProducer, check: Check = async () => undefined): Promise<Registered | Refusal> {
    const { tenantId, producer, issuer, clientId, ...ownership } = command
    const stream = registerStream(tenantId, 'producer', producer)
    const registered = await this.#register(stream, [], {
      check,
      event: () => ({ type: 'ProducerRegistered', data: { producer, issuer, clientId, ...ownership } }),
      row: (tx) =>
        tx.query(
          `insert into countersign.producer (tenant_id, name, iss, client_id, owner_subject_id, owner_group, seeded, changed_by,
             change_reason)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (tenant_id, name) do update set iss = excluded.iss, client_id = excluded.client_id,
             owner_subject_id = excluded.owner_subject_id, owner_group = excluded.owner_group, seeded = excluded.seeded,
             changed_by = excluded.changed_by, changed_at = clock_timestamp(), reviewed_by = null,
             change_reason = excluded.change_reason, removed_at = null`,
          [
            tenantId,
            producer,
            issuer,
            clientId,
            ownership.ownerSubject,
            ownership.ownerGroup,
            ownership.seeded,
            ownership.changedBy,
            ownership.reason ?? null,
          ],
        ),
    })
    return isRefusal(registered) ? registered : { changed: registered.changed }
  }

  /** Registers an agent, or changes its client, key or owners: for whoever operates the deployment. Its subject id stays. */
  async agent(command: RegisterAgent): Promise<RegisteredAgent> {
    const registered = await this.#agent(command, {})
    if (isRefusal(registered)) throw new Error('the registration of an agent was refused')
    return registered
  }

  /** The same where what it names has to be there. */
  checkedAgent(command: RegisterAgent, check: Check): Promise<RegisteredAgent | Refusal> {
    return this.#agent(command, { check })
  }

  /**
   * Registers an agent that is not registered yet; doing so again changes nothing. An agent that belongs to another
   * producer, owner or client, or is of another kind, is `agent_taken`: nobody takes over an agent by its name.
   */
  newAgent(command: RegisterAgent, check: Check): Promise<RegisteredAgent | Refusal> {
    return this.#agent(command, {
      check,
      admit: (last) => {
        if (last === undefined) return undefined
        return last.type === 'AgentRegistered' && isSameAgent(last.data, command) ? 'unchanged' : refuse('agent_taken')
      },
    })
  }

  async #agent(
    command: RegisterAgent,
    admission: { readonly admit?: Admit; readonly check?: Check },
  ): Promise<RegisteredAgent | Refusal> {
    const { tenantId, agent, kind, producer, issuer, clientId, executorKey, ...ownership } = command
    const stream = registerStream(tenantId, 'agent', agent)
    const identity = { tenantId, iss: `agents.${tenantId}`, sub: agent }
    const registered = await this.#register(stream, [identity], {
      ...admission,
      heldToo: [registerStream(tenantId, 'producer', producer)],
      event: ([who]) => ({
        type: 'AgentRegistered',
        data: {
          agent,
          subjectId: who?.subjectId ?? '',
          kind,
          producer,
          issuer,
          clientId,
          ...(executorKey === undefined ? {} : { executorKey }),
          ...ownership,
          ...introductionOf([who]),
        },
      }),
      row: (tx, [who]) =>
        tx.query(
          `insert into countersign.agent (tenant_id, name, subject_id, kind, producer, iss, client_id, owner_subject_id, owner_group,
             seeded, changed_by, executor_key_thumbprint, change_reason)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           on conflict (tenant_id, name) do update set kind = excluded.kind, producer = excluded.producer, iss = excluded.iss,
             client_id = excluded.client_id, owner_subject_id = excluded.owner_subject_id, owner_group = excluded.owner_group,
             seeded = excluded.seeded, changed_by = excluded.changed_by, changed_at = clock_timestamp(), reviewed_by = null,
             executor_key_thumbprint = excluded.executor_key_thumbprint, change_reason = excluded.change_reason,
             removed_at = null`,
          [
            tenantId,
            agent,
            who?.subjectId,
            kind,
            producer,
            issuer,
            clientId,
            ownership.ownerSubject,
            ownership.ownerGroup,
            ownership.seeded,
            ownership.changedBy,
            executorKey?.thumbprint ?? null,
            ownership.reason ?? null,
          ],
        ),
    })
    if (isRefusal(registered)) return registered
    const [subject] = registered.subjects
    if (subject === undefined) throw new Error('an agent has a subject')
    return { subjectId: subject.subjectId, changed: registered.changed }
  }

  async #register(
    stream: StreamRef,
    identities: readonly { tenantId: string; iss: string; sub: string }[],
    {
      event,
      row,
      heldToo = [],
      admit = () => undefined,
      check = async () => undefined,
    }: {
      /** What must not change between the check and the commit. */
      heldToo?: readonly StreamRef[]
      admit?: Admit
      check?: Check
      event: (subjects: readonly Subject[]) => RegisterEvent
      row: (tx: Transaction, subjects: readonly Subject[]) => Promise<unknown>
    },
  ): Promise<Entered | Refusal> {
    const { answer } = await this.#store.execute(
      { streams: [stream, ...heldToo] },
      {
        read: async (tx) => ({ subjects: await resolveSubjects(tx, identities), refusal: await check(tx) }),
        decide: (_command, loaded, { subjects, refusal }): Decision<Entered | Refusal> => {
          if (refusal !== undefined) return { append: [], answer: refusal }
          const next = event(subjects)
          const last = loaded.of(stream).events.findLast(({ type }) => type !== 'RegisterReviewed')
          const admitted = admit(last)
          if (isRefusal(admitted)) return { append: [], answer: admitted }
          const isSame = last !== undefined && last.type === next.type && sameContent(last.data, next.data)
          // Seeding never undoes what somebody changed since.
          const isKept = last !== undefined && isSeeded(next) && !isSeeded(last)
          const changed = !(admitted === 'unchanged' || isSame || isKept)
          return { append: changed ? [{ stream, events: [next] }] : [], answer: { subjects, changed } }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0 || isRefusal(decided.answer)) return
          await writeSubjects(tx, decided.answer.subjects)
          await row(tx, decided.answer.subjects)
        },
      },
    )
    return answer
  }
}

type Entered = Registered & { readonly subjects: readonly Subject[] }

/** Whether an agent is registered as somebody says; who registered it, when, why and with what key does not matter. */
const isSameAgent = (known: EventData<'AgentRegistered'>, said: RegisterAgent): boolean =>
  known.producer === said.producer &&
  known.kind === said.kind &&
  known.issuer === said.issuer &&
  known.clientId === said.clientId &&
  known.ownerSubject === said.ownerSubject &&
  known.ownerGroup === said.ownerGroup

const isSeeded = ({ data }: { data: object }): boolean => 'seeded' in data && data.seeded === true

type Told = { readonly subjects?: unknown; readonly changedBy?: unknown; readonly reason?: unknown }

/** Whether a registration says nothing new; who says it, why, and who introduces a subject id is not part of it. */
const sameContent = (before: object, after: object): boolean => {
  const content = ({ subjects: _introduced, changedBy: _who, reason: _why, ...rest }: Told) =>
    JSON.stringify(Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return content(before) === content(after)
}
