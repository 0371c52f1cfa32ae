import {
  isRefusal,
  refuse,
  type EventData,
  type FreezeList,
  type FreezeScope,
  type Refusal,
} from '@countersign/contracts'
import {
  activeFreezes,
  allTenants,
  newId,
  resolveSubjects,
  withTenants,
  writeSubjects,
  type CommandHandler,
  type EventStore,
  type StreamRef,
  type Subject,
  type Transaction,
  type DeploymentOperators,
  operatesDeployment,
} from '@countersign/event-store'
import type { PersonCaller } from '../caller.ts'
import { introductionOf } from '../introduction.ts'
import { endFreeze, freezeStream, sameFreeze, scopeOf, unknownIn, writeFreeze } from './freeze-register.ts'

/** What to freeze, and why. */
export type Asked = { readonly scope: FreezeScope; readonly reason?: string }
type Means = NonNullable<EventData<'Frozen'>['means']>
/** Who freezes or lifts: a person, or whoever holds the freeze credential. */
type Actor = { readonly tenantId: string; readonly person?: string }

type OfTenant = { readonly streams: readonly [StreamRef]; readonly tenantId: string }
/** Who acts, as a tenant's history names them. */
type ActorOf = { readonly by: string; readonly means?: Means; readonly subject?: Subject }
type Context = {
  readonly by: ReadonlyMap<string, ActorOf>
  readonly refusal: Refusal | undefined
  /** The same freeze, already in force. */
  readonly standing: string | undefined
}
type Answer = {
  readonly outcome: string | Refusal
  /** Who acted in the tenant of the command. */
  readonly by?: string
  readonly subject?: Subject | undefined
}

/** Issuer of the subjects that stand for the deployment itself in a tenant's history. */
const deploymentIssuer = 'urn:countersign:deployment'

const readers = ['operators', 'security-admins', 'auditors']
const because = (reason: string | undefined) => (reason === undefined ? {} : { reason })

/**
 * The stop switch: no grant is issued or redeemed under a freeze. Operators and security admins freeze, and so does the
 * freeze credential; only operators lift a freeze. What concerns the whole deployment takes an operator of the tenant that
 * runs it, and is told in every tenant's history. It takes effect with its commit and needs no bus.
 */
export class Freeze {
  readonly #store: EventStore
  readonly #operators: DeploymentOperators

  constructor(store: EventStore, operators: DeploymentOperators) {
    this.#store = store
    this.#operators = operators
  }

  async freeze(caller: PersonCaller, asked: Asked): Promise<{ freezeId: string } | Refusal> {
    const { groups, tenantId, subjectId } = caller
    if (!groups.includes('operators') && !groups.includes('security-admins')) return refuse('not_allowed')
    if (asked.scope.kind === 'all' && !(await operatesDeployment(this.#operators, caller))) return refuse('not_allowed')
    return this.#freeze({ tenantId, person: subjectId }, asked)
  }

  /** Freezes without a person: the caller has shown the freeze credential. The same again is the same freeze. */
  freezeByCredential(tenantId: string, asked: Asked): Promise<{ freezeId: string } | Refusal> {
    return this.#freeze({ tenantId }, asked)
  }

  async unfreeze(caller: PersonCaller, freezeId: string, reason?: string): Promise<Refusal | undefined> {
    const { tenantId, subjectId, groups } = caller
    if (!groups.includes('operators')) return refuse('not_allowed')
    const stream = freezeStream(tenantId, freezeId)
    const [first] = (await this.#store.load([stream])).of(stream).events
    if (first?.type !== 'Frozen') return refuse('not_found')
    const { scope } = first.data as EventData<'Frozen'>
    if (scope.kind === 'all' && !(await operatesDeployment(this.#operators, caller))) return refuse('not_allowed')
    const actor = { tenantId, person: subjectId }
    await this.#tell(await this.#commands(actor, { freezeId, scope }), {
      read: async (tx, commands) => ({
        by: await this.#actors(tx, commands, actor),
        refusal: undefined,
        standing: undefined,
      }),
      decide: ({ streams: [ref], tenantId: of }, loaded, context) => {
        const acting = context.by.get(of)
        if (acting === undefined || loaded.of(ref).events.at(-1)?.type !== 'Frozen')
          return { append: [], answer: { outcome: freezeId } }
        const { by, means, subject } = acting
        const data = { freezeId, by, ...because(reason), ...(means === undefined ? {} : { means }) }
        const event = { type: 'Unfrozen' as const, data: { ...data, ...introductionOf([subject]) } }
        return { append: [{ stream: ref, events: [event] }], answer: { outcome: freezeId, by, subject } }
      },
      row: (tx, by) => endFreeze(tx, tenantId, { freezeId, by, ...because(reason) }),
      of: tenantId,
    })
    return undefined
  }

  /** What is frozen now for a tenant, the whole deployment too. */
  async list({ tenantId, groups }: PersonCaller): Promise<FreezeList | Refusal> {
    if (!groups.some((group) => readers.includes(group))) return refuse('not_allowed')
    const active = await withTenants(this.#operators.pool, [tenantId], (tx) => activeFreezes(tx, [tenantId]))
    return {
      freezes: active.map(({ freezeId, scopeKind, scopeValue, frozenBy, frozenAt, reason }) => ({
        freezeId,
        scope: scopeOf(scopeKind, scopeValue),
        frozenBy,
        frozenAt,
        ...because(reason ?? undefined),
      })),
    }
  }

  async #freeze(actor: Actor, { scope, reason }: Asked): Promise<{ freezeId: string } | Refusal> {
    const { tenantId, person } = actor
    const freezeId = newId()
    const outcome = await this.#tell(await this.#commands(actor, { freezeId, scope }), {
      read: async (tx, commands) => {
        const by = await this.#actors(tx, commands, actor)
        const own = by.get(tenantId)
        const standing =
          person === undefined && own !== undefined ? await sameFreeze(tx, tenantId, { scope, by: own.by }) : undefined
        return { by, refusal: await unknownIn(tx, tenantId, scope), standing }
      },
      decide: ({ streams: [ref], tenantId: of }, _loaded, { by: actors, refusal, standing }) => {
        const acting = actors.get(of)
        if (acting === undefined) throw new Error('the registers did not answer')
        const settled = refusal ?? standing
        if (settled !== undefined) return { append: [], answer: { outcome: settled } }
        const { by, means, subject } = acting
        const data = { freezeId, scope, by, ...because(reason), ...(means === undefined ? {} : { means }) }
        const event = { type: 'Frozen' as const, data: { ...data, ...introductionOf([subject]) } }
        return { append: [{ stream: ref, events: [event] }], answer: { outcome: freezeId, by, subject } }
      },
      row: (tx, by) => writeFreeze(tx, tenantId, { freezeId, scope, by, ...because(reason) }),
      of: tenantId,
    })
    return isRefusal(outcome) ? outcome : { freezeId: outcome }
  }

  /** One command for each tenant whose history tells it; that of whoever acts comes first. */
  async #commands(
    { tenantId }: Actor,
    { freezeId, scope }: { readonly freezeId: string; readonly scope: FreezeScope },
  ): Promise<OfTenant[]> {
    const others = scope.kind === 'all' ? (await allTenants(this.#operators.pool)).map((one) => one.tenantId) : []
    return [...new Set([tenantId, ...others])].map((of) => ({
      streams: [freezeStream(of, freezeId)] as const,
      tenantId: of,
    }))
  }

  /** A person is named in their own tenant only; elsewhere, and for the credential, it is the deployment that acts. */
  async #actors(tx: Transaction, commands: readonly OfTenant[], { tenantId, person }: Actor): Promise<Context['by']> {
    const means: Means = person === undefined ? 'freeze_credential' : 'deployment_operator'
    const unnamed = commands.filter((command) => person === undefined || command.tenantId !== tenantId)
    const subjects = await resolveSubjects(
      tx,
      unnamed.map((command) => ({ tenantId: command.tenantId, iss: deploymentIssuer, sub: means })),
    )
    const actors = new Map<string, ActorOf>()
    for (const subject of subjects) actors.set(subject.tenantId, { by: subject.subjectId, means, subject })
    if (person !== undefined) actors.set(tenantId, { by: person })
    return actors
  }

  /** Appends in each tenant; the row is written with the events of the tenant `of`, whose outcome is answered. */
  async #tell(
    commands: readonly OfTenant[],
    {
      row,
      of,
      ...handler
    }: Pick<CommandHandler<OfTenant, Context, Answer>, 'decide'> & {
      readonly read: NonNullable<CommandHandler<OfTenant, Context, Answer>['read']>
      readonly row: (tx: Transaction, by: string) => Promise<void>
      readonly of: string
    },
  ): Promise<string | Refusal> {
    const outcomes = await this.#store.executeBatch(commands, {
      ...handler,
      effects: async (tx, decided) => {
        await writeSubjects(
          tx,
          decided.flatMap(({ answer }) => answer.subject ?? []),
        )
        const own = decided.find(({ command, events }) => command.tenantId === of && events.length > 0)
        if (own?.answer.by !== undefined) await row(tx, own.answer.by)
      },
    })
    for (const outcome of outcomes) if (outcome.status === 'failed') throw outcome.error
    const [own] = outcomes
    if (own?.status !== 'decided') throw new Error('a freeze was not decided')
    return own.answer.outcome
  }
}
