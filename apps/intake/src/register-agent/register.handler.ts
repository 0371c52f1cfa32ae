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
  resolveSubjects,
  writeSubjects,
  type Decision,
  type EventStore,
  type StoredEvent,
  type StreamRef,
  type Subject,
  type Transaction,
} from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
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

const registerStream = (tenantId: string, kind: string, name: string): StreamRef => ({
  kind: 'register',
  streamId: nameId(kind, tenantId, name),
  tenantId,
})

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
  async producer(command: RegisterProducer): Promise<void> {
    const { tenantId, producer, issuer, clientId, ...ownership } = command
    const stream = registerStream(tenantId, 'producer', producer)
    await this.#register(stream, [], {
      event: () => ({ type: 'ProducerRegistered', data: { producer, issuer, clientId, ...ownership } }),
      row: (tx) =>
        tx.query(
          `insert into countersign.producer (tenant_id, name, iss, client_id, owner_subject_id, owner_group, seeded, changed_by)
           values ($1, $2, $3, $4, $5, $6, $7, $8)
           on conflict (tenant_id, name) do update set iss = excluded.iss, client_id = excluded.client_id,
             owner_subject_id = excluded.owner_subject_id, owner_group = excluded.owner_group, seeded = excluded.seeded,
             changed_by = excluded.changed_by, changed_at = clock_timestamp(), reviewed_by = null`,
          [
            tenantId,
            producer,
            issuer,
            clientId,
            ownership.ownerSubject,
            ownership.ownerGroup,
            ownership.seeded,
            ownership.changedBy,
          ],
        ),
    })
  }

  /** Registers an agent, or changes its client or owners: for whoever operates the deployment. Its subject id stays. */
  async agent(command: RegisterAgent): Promise<{ readonly subjectId: string }> {
    const registered = await this.#agent(command, () => undefined)
    if (isRefusal(registered)) throw new Error('the registration of an agent was refused')
    return registered
  }

  /**
   * Registers an agent that is not registered yet; doing so again changes nothing. An agent that belongs to another
   * producer, owner or client, or is of another kind, is `agent_taken`: nobody takes over an agent by its name.
   */
  newAgent(command: RegisterAgent): Promise<{ readonly subjectId: string } | Refusal> {
    return this.#agent(command, (last) => {
      if (last === undefined) return undefined
      return last.type === 'AgentRegistered' && isSameAgent(last.data, command) ? 'unchanged' : refuse('agent_taken')
    })
  }

  async #agent(command: RegisterAgent, admit: Admit): Promise<{ readonly subjectId: string } | Refusal> {
    const { tenantId, agent, kind, producer, issuer, clientId, executorKey, ...ownership } = command
    const stream = registerStream(tenantId, 'agent', agent)
    const identity = { tenantId, iss: `agents.${tenantId}`, sub: agent }
    const registered = await this.#register(stream, [identity], {
      admit,
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
             seeded, changed_by, executor_key_thumbprint)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           on conflict (tenant_id, name) do update set kind = excluded.kind, producer = excluded.producer, iss = excluded.iss,
             client_id = excluded.client_id, owner_subject_id = excluded.owner_subject_id, owner_group = excluded.owner_group,
             seeded = excluded.seeded, changed_by = excluded.changed_by, changed_at = clock_timestamp(), reviewed_by = null,
             executor_key_thumbprint = excluded.executor_key_thumbprint`,
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
          ],
        ),
    })
    if (isRefusal(registered)) return registered
    const [subject] = registered
    if (subject === undefined) throw new Error('an agent has a subject')
    return { subjectId: subject.subjectId }
  }

  async #register(
    stream: StreamRef,
    identities: readonly { tenantId: string; iss: string; sub: string }[],
    {
      event,
      row,
      admit = () => undefined,
    }: {
      admit?: Admit
      event: (subjects: readonly Subject[]) => RegisterEvent
      row: (tx: Transaction, subjects: readonly Subject[]) => Promise<unknown>
    },
  ): Promise<readonly Subject[] | Refusal> {
    const { answer } = await this.#store.execute(
      { streams: [stream] },
      {
        read: (tx) => resolveSubjects(tx, identities),
        decide: (_command, loaded, subjects: readonly Subject[]): Decision<readonly Subject[] | Refusal> => {
          const next = event(subjects)
          const last = loaded.of(stream).events.at(-1)
          const admitted = admit(last)
          if (isRefusal(admitted)) return { append: [], answer: admitted }
          const isSame = last !== undefined && last.type === next.type && sameContent(last.data, next.data)
          // Seeding never undoes what somebody changed since.
          const isKept = last !== undefined && isSeeded(next) && !isSeeded(last)
          const isUnchanged = admitted === 'unchanged' || isSame || isKept
          return { append: isUnchanged ? [] : [{ stream, events: [next] }], answer: subjects }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0 || isRefusal(decided.answer)) return
          await writeSubjects(tx, decided.answer)
          await row(tx, decided.answer)
        },
      },
    )
    return answer
  }
}

/** Whether an agent is registered as somebody says; who registered it, when, why and with what key does not matter. */
const isSameAgent = (known: EventData<'AgentRegistered'>, said: RegisterAgent): boolean =>
  known.producer === said.producer &&
  known.kind === said.kind &&
  known.issuer === said.issuer &&
  known.clientId === said.clientId &&
  known.ownerSubject === said.ownerSubject &&
  known.ownerGroup === said.ownerGroup

const isSeeded = ({ data }: { data: object }): boolean => 'seeded' in data && data.seeded === true

/** Whether a registration says nothing new; who introduces a subject id is not part of what it says. */
const sameContent = (before: object, after: object): boolean => {
  const content = ({ subjects: _introduced, ...rest }: { subjects?: unknown }) =>
    JSON.stringify(Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return content(before) === content(after)
}
