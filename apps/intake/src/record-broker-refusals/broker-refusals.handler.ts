import {
  type BrokerRefusals,
  type EventData,
  isRefusal,
  type RecordedBrokerRefusals,
  refuse,
  type Refusal,
} from '@countersign/contracts'
import {
  type DeploymentOperators,
  type EventStore,
  operatesDeployment,
  registerStream,
  type StreamRef,
} from '@countersign/event-store'
import { identifierProblem } from '@countersign/redaction'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'

type Refused = BrokerRefusals['refusals'][number]
type Recorded = RecordedBrokerRefusals['refusals'][number]
type Found = EventData<'BrokerRefusalFound'>
type OfKind = { readonly streams: readonly [StreamRef]; readonly data: Found }

export type RecordBrokerRefusalsOptions = {
  readonly pool: pg.Pool
  readonly store: EventStore
  readonly operators: DeploymentOperators
}

/** How far the broker's clock may be ahead: a time that lies further off would hush what is refused until then. */
const aheadMs = 60_000

/**
 * Records what the broker refused before it came to us, out of its log, which an operator brings: for the tenant whose
 * producer the principal is, else for the tenant that runs the deployment. Attempts of one kind from one address are in a
 * stream of their own, and none is recorded that is not later than the last one there, so the same log adds nothing.
 */
export class RecordBrokerRefusals {
  readonly #options: RecordBrokerRefusalsOptions

  constructor(options: RecordBrokerRefusalsOptions) {
    this.#options = options
  }

  async record(caller: PersonCaller, { refusals }: BrokerRefusals): Promise<RecordedBrokerRefusals | Refusal> {
    const { pool, store, operators } = this.#options
    if (!(await operatesDeployment(operators, caller))) return refuse('not_allowed')
    const wrong = problemIn(refusals)
    if (wrong !== undefined) return wrong
    const principals = refusals.map(({ principal }) => principal)
    const tenants = await tenantsOf(pool, principals)
    const commands = refusals.map((refused): OfKind => {
      const owners = tenants.get(refused.principal) ?? []
      const tenantId = owners.length === 1 && owners[0] !== undefined ? owners[0] : caller.tenantId
      const by = tenantId === caller.tenantId ? caller.subjectId : null
      const data = { ...refused, ...inOneForm(refused), isProducer: owners.length > 0, by }
      return { streams: [kindStream(tenantId, refused)], data }
    })
    const outcomes = await store.executeBatch<OfKind, undefined, Recorded | Refusal>(commands, {
      decide: ({ streams: [stream], data }, loaded) => {
        if (Date.parse(data.lastAt) > Date.parse(loaded.now) + aheadMs) {
          return { append: [], answer: refuse('time_invalid') }
        }
        const last = loaded.of(stream).events.at(-1)?.data as Found | undefined
        const { isProducer } = data
        if (last !== undefined && data.firstAt <= last.lastAt) {
          return { append: [], answer: { recorded: false, isProducer, recordedUpTo: last.lastAt } }
        }
        const events = [{ type: 'BrokerRefusalFound' as const, data }]
        return { append: [{ stream, events }], answer: { recorded: true, isProducer } }
      },
    })
    const answers: Recorded[] = []
    for (const outcome of outcomes) {
      if (outcome.status === 'failed') throw outcome.error
      if (isRefusal(outcome.answer)) return outcome.answer
      answers.push(outcome.answer)
    }
    return { refusals: answers }
  }
}

const kindStream = (tenantId: string, { principal, operation, resourceType, resource, host }: Refused): StreamRef =>
  registerStream(tenantId, 'broker_refusal', principal, operation, resourceType, resource, host)

/** Times as they are kept: written in one form, their texts are in their order. */
const inOneForm = ({ firstAt, lastAt }: Refused) => ({
  firstAt: new Date(firstAt).toISOString(),
  lastAt: new Date(lastAt).toISOString(),
})

const problemIn = (refusals: readonly Refused[]): Refusal | undefined => {
  for (const [index, { principal, resource, firstAt, lastAt }] of refusals.entries()) {
    if (!(Date.parse(firstAt) <= Date.parse(lastAt))) return refuse('time_invalid', { pointer: `/refusals/${index}` })
    const problem = identifierProblem(resource) ?? identifierProblem(principal)
    if (problem === undefined) continue
    const code = problem === 'secret_in_field' ? problem : 'hidden_text'
    return refuse(code, { pointer: `/refusals/${index}` })
  }
  return undefined
}

/** Tenants that have a producer of each name. */
const tenantsOf = async (pool: pg.Pool, names: readonly string[]): Promise<Map<string, string[]>> => {
  const { rows } = await pool.query<{ name: string; tenants: string[] }>(
    `select name, array_agg(tenant_id::text) as tenants from countersign.producer
     where name = any ($1::text[]) and removed_at is null group by name`,
    [[...new Set(names)]],
  )
  return new Map(rows.map(({ name, tenants }) => [name, tenants]))
}
