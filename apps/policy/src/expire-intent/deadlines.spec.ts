import { newId, type Transaction, withTenants } from '@countersign/event-store'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { policyStore, type PolicyStore } from '../policy-store.fixture.ts'
import { settleDeadlines, writeDeadlines } from './deadlines.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

const inTransaction = (work: (tx: Transaction) => Promise<void>): Promise<void> =>
  withTenants(at.spec.poolOf('policy'), [at.spec.tenantId], work)
const untilWaiting = async (sessions: number): Promise<void> => {
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  while ((await at.spec.superuser.query(waiting)).rowCount !== sessions)
    await new Promise((next) => setTimeout(next, 5))
}

it('deadlines that one process follows while another sweeps them are locked in one order', async () => {
  const { tenantId } = at.spec
  const [first = '', middle = '', last = ''] = [newId(), newId(), newId()].toSorted()
  const [dueAt, until] = ['2030-01-01T00:00:00.000Z', '2030-01-03T00:00:00.000Z']
  const open = (intentId: string, due = dueAt) => ({ intentId, tenantId, dueAt: due })
  await inTransaction((tx) => writeDeadlines(tx, [open(first), open(middle), open(last)]))

  const holder = await at.spec.superuser.connect()
  await holder.query('begin')
  await holder.query('select from policy.deadline where intent_id = $1 for update', [middle])
  const later = '2030-01-02T00:00:00.000Z'
  const following = inTransaction((tx) =>
    writeDeadlines(tx, [open(last, later), open(middle, later), open(first, later)]),
  )
  await untilWaiting(1)
  const sweeping = inTransaction((tx) =>
    settleDeadlines(tx, { ended: [last], postponed: [{ read: open(first), until }] }),
  )
  await untilWaiting(2)
  await holder.query('commit')
  holder.release()
  await Promise.all([following, sweeping])

  const { rows } = await at.spec.superuser.query<{ intent_id: string; due_at: Date }>(
    'select intent_id, due_at from policy.deadline order by intent_id',
  )
  // What the sweep had read of the first was written meanwhile, so that stays.
  expect(rows.map(({ intent_id, due_at }) => [intent_id, due_at.toISOString()])).toEqual([
    [first, later],
    [middle, later],
  ])
})
