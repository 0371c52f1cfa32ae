import { type BrokerRefusals, type EventData, wireTypeOf } from '@countersign/contracts'
import { eventStore, newId } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PersonCaller } from '../caller.ts'
import { RecordBrokerRefusals } from './broker-refusals.handler.ts'

let store: SpecStore
let operator: PersonCaller
beforeEach(async () => {
  store = await freshStore()
  operator = { kind: 'person', tenantId: store.tenantId, subjectId: newId(), groups: ['operators'] }
})
afterEach(() => store.drop())

type Refused = BrokerRefusals['refusals'][number]
const refused = (change: Partial<Refused> = {}): Refused => ({
  principal: 'etl',
  operation: 'WRITE',
  resourceType: 'Topic',
  resource: 'countersign.events.v1',
  host: '10.0.0.7',
  firstAt: '2026-11-22T02:00:00.100Z',
  lastAt: '2026-11-22T02:00:03.000Z',
  count: 3,
  ...change,
})
const record = (refusals: Refused[], caller = operator) =>
  new RecordBrokerRefusals({
    pool: store.poolOf('intake'),
    store: eventStore(store.poolOf('intake'), { metadata: { service: 'intake' } }),
    operators: { pool: store.poolOf('intake'), operatorsOf: store.tenantId },
  }).record(caller, { refusals })
const found = async () =>
  (
    await store.superuser.query<{ tenant_id: string; data: EventData<'BrokerRefusalFound'> }>(
      'select tenant_id, data from countersign.event where type = $1 order by position',
      [wireTypeOf('BrokerRefusalFound')],
    )
  ).rows
const producer = (name: string, tenantId: string) =>
  store.superuser.query(`insert into countersign.producer (tenant_id, name, seeded) values ($1, $2, true)`, [
    tenantId,
    name,
  ])

describe('what the broker refused', () => {
  it('is recorded with whom, what, from where and when, for the tenant whose producer it is', async () => {
    const other = await store.addTenant('neighbour')
    await producer('etl', other)
    expect(await record([refused(), refused({ principal: 'mallory' })])).toEqual({
      refusals: [
        { recorded: true, isProducer: true },
        { recorded: true, isProducer: false },
      ],
    })
    expect(await found()).toEqual([
      { tenant_id: other, data: { ...refused(), isProducer: true, by: null } },
      {
        tenant_id: store.tenantId,
        data: { ...refused({ principal: 'mallory' }), isProducer: false, by: operator.subjectId },
      },
    ])
  })

  it('is recorded once, and of what came since only that', async () => {
    await record([refused()])
    const known = { recorded: false, isProducer: false, recordedUpTo: refused().lastAt }
    expect(await record([refused()])).toEqual({ refusals: [known] })
    expect(await record([refused({ lastAt: '2026-11-22T02:00:09Z', count: 4 })])).toEqual({ refusals: [known] })
    const later = { firstAt: '2026-11-22T02:00:09.000Z', lastAt: '2026-11-22T02:00:09.000Z', count: 1 }
    expect(await record([refused(later)])).toMatchObject({ refusals: [{ recorded: true }] })
    expect((await found()).map(({ data }) => data.count)).toEqual([3, 1])
  })

  it('is recorded once when it is brought many times at once', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => record([refused()])))
    expect(answers.filter((answer) => 'refusals' in answer && answer.refusals[0]?.recorded)).toHaveLength(1)
    expect(await found()).toHaveLength(1)
  })

  it.each([
    ['who', { principal: 'other' }],
    ['the operation', { operation: 'READ' }],
    ['the resource', { resource: 'countersign.audit.v1' }],
    ['its type', { resourceType: 'Group' }],
    ['the address', { host: '10.0.0.8' }],
  ])('is another matter where %s differs', async (_what, change) => {
    await record([refused()])
    expect(await record([refused(change)])).toMatchObject({ refusals: [{ recorded: true }] })
  })

  it('takes an operator of the tenant that runs the deployment', async () => {
    expect(await record([refused()], { ...operator, groups: ['auditors'] })).toMatchObject({ code: 'not_allowed' })
    const other = await store.addTenant('neighbour')
    expect(await record([refused()], { ...operator, tenantId: other })).toMatchObject({ code: 'not_allowed' })
    expect(await found()).toEqual([])
  })

  it('is not taken from the future, nor where it ends before it begins: that would hush what comes', async () => {
    const future = new Date(Date.now() + 3_600_000).toISOString()
    expect(await record([refused({ lastAt: future })])).toMatchObject({ code: 'time_invalid' })
    expect(await record([refused({ firstAt: '2026-11-22T02:00:04Z' })])).toMatchObject({ code: 'time_invalid' })
    expect(await found()).toEqual([])
  })

  it('is not taken with a secret for a name', async () => {
    const resource = `AKIA${'ABCDEFGH23456789'}`
    expect(await record([refused({ resource })])).toMatchObject({ code: 'secret_in_field' })
    expect(await found()).toEqual([])
  })
})
