import { topics } from '@countersign/contracts'
import type { KafkaMessage } from 'kafkajs'
import type pg from 'pg'
import type { TestKafka } from '../../instance/kafka-bus.ts'
import type { Acknowledged } from './acknowledged.ts'

/** A promise that was broken: which, how often, and one example. */
export type Violation = { readonly promise: string; readonly count: number; readonly example: string }

type Evidence = { readonly superuser: pg.Pool; readonly kafka: TestKafka; readonly seen: Acknowledged }

const ended = [
  'IntentDenied',
  'ReviewDenied',
  'IntentWithdrawn',
  'IntentExpired',
  'GrantRevoked',
  'GrantExpired',
  'ExecutionSucceeded',
  'ExecutionFailed',
  'ExecutionReconciled',
]

/** Rows that break a promise; `example` names one of them. */
const broken: readonly { readonly promise: string; readonly rows: string }[] = [
  {
    promise: 'one terminal state per intent',
    rows: `select stream_id::text as example from countersign.event where kind = 'intent'
      and split_part(type, '.', 3) in (${ended.map((type) => `'${type}'`).join(', ')})
      group by stream_id having count(*) > 1`,
  },
  {
    promise: 'one grant, and one redemption of it',
    rows: `select stream_id::text as example from countersign.event where kind = 'intent'
      and split_part(type, '.', 3) in ('GrantIssued', 'GrantRedeemed')
      group by stream_id, type having count(*) > 1`,
  },
  {
    promise: 'versions of a stream without a gap',
    rows: `select stream_id::text as example from countersign.event group by kind, stream_id
      having max(version) <> count(*) or min(version) <> 1`,
  },
  {
    promise: 'every intent is decided',
    rows: `select stream_id::text as example from countersign.event where kind = 'intent'
      group by stream_id having count(*) filter (where split_part(type, '.', 3) in
        ('IntentAllowed', 'IntentDenied', 'ReviewRequested', 'IntentWithdrawn', 'IntentExpired')) = 0`,
  },
  {
    promise: 'every event is one leaf of the ledger',
    rows: `select e.event_id::text as example from countersign.event e
      left join ledger.entry l using (event_id) group by e.event_id having count(l.event_id) <> 1`,
  },
  {
    promise: 'every event is projected once',
    rows: `select e.event_id::text as example from countersign.event e
      left join lineage.audit_event a using (event_id) where e.kind = 'intent' group by e.event_id
      having count(a.event_id) <> 1`,
  },
  {
    promise: 'nothing was set aside',
    rows: `select topic || ' ' || group_name as example from bus.parked_record`,
  },
]

const violationOf = (promise: string, examples: readonly string[]): readonly Violation[] =>
  examples.length === 0 ? [] : [{ promise, count: examples.length, example: examples[0] ?? '' }]

type EventOnBus = {
  readonly id: string
  readonly subject: string
  readonly streamkind: string
  readonly streamversion: number
}

const jsonOf = <Value>({ value }: KafkaMessage): Value => JSON.parse(String(value)) as Value

/** Every event is on the bus, and the first time that each comes is in the order of its stream. */
const judgeBus = async ({ superuser, kafka }: Evidence): Promise<readonly Violation[]> => {
  const first = new Set<string>()
  const last = new Map<string, number>()
  const inverted: string[] = []
  for (const record of await kafka.records(topics.events)) {
    const event = jsonOf<EventOnBus>(record)
    if (first.has(event.id)) continue
    first.add(event.id)
    const stream = `${event.streamkind} ${event.subject}`
    if ((last.get(stream) ?? 0) >= event.streamversion) inverted.push(event.subject)
    last.set(stream, event.streamversion)
  }
  const { rows } = await superuser.query<{ id: string }>('select event_id::text as id from countersign.event')
  const missing = rows.filter(({ id }) => !first.has(id)).map(({ id }) => id)
  return [
    ...violationOf('every event is on the bus', missing),
    ...violationOf('no transition is seen out of order', inverted),
  ]
}

/** What callers were promised is in the store. */
const judgePromises = async ({ superuser, kafka, seen }: Evidence, producer: string): Promise<readonly Violation[]> => {
  const { rows } = await superuser.query<{ id: string; types: string[] }>(
    `select stream_id::text as id, array_agg(split_part(type, '.', 3)) as types from countersign.event
     where kind = 'intent' group by stream_id`,
  )
  const types = new Map(rows.map(({ id, types: of }) => [id, new Set(of)]))
  const has = (id: string, ...any: readonly string[]): boolean => any.some((type) => types.get(id)?.has(type))
  const lost = [...seen.intents].filter((id) => !has(id, 'ActionIntentPublished'))
  const verdicts = [...seen.verdicts].filter(([id]) => !has(id, 'VerdictRecorded')).map(([id]) => id)
  const redeemed = [...seen.redemptions].filter(([id]) => !has(id, 'GrantRedeemed')).map(([id]) => id)
  const twice = [...seen.redemptions].filter(([, ids]) => ids.size > 1).map(([id]) => id)
  const reports = [...seen.reports].filter((id) => !has(id, 'ExecutionSucceeded'))
  const answered = new Set(
    (await kafka.records(topics.decisions(producer))).map(
      (record) => jsonOf<{ data: { requestId?: string } }>(record).data.requestId,
    ),
  )
  const unanswered = [...seen.requests].filter((id) => !answered.has(id))
  return [
    ...violationOf('no acknowledged intent is lost', lost),
    ...violationOf('no recorded verdict is lost', verdicts),
    ...violationOf('no redemption is lost', redeemed),
    ...violationOf('no grant is redeemed twice', twice),
    ...violationOf('no accepted report is lost', reports),
    ...violationOf('every request on Kafka is answered', unanswered),
    ...violationOf('an outage is said to be one, never a defect', seen.defects),
  ]
}

/** Holds what is left against every promise. */
export const judge = async (evidence: Evidence, producer: string): Promise<readonly Violation[]> => {
  const violations: Violation[] = []
  for (const { promise, rows } of broken) {
    const { rows: found } = await evidence.superuser.query<{ example: string }>(rows)
    violations.push(
      ...violationOf(
        promise,
        found.map(({ example }) => example),
      ),
    )
  }
  violations.push(...(await judgeBus(evidence)), ...(await judgePromises(evidence, producer)))
  return violations
}
