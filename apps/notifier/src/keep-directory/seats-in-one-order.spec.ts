import { setTimeout as pause } from 'node:timers/promises'
import { newId, type Transaction, withTenants } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { writeGroup } from './change-group.handler.ts'
import { countMembers, seatAnew } from './seated-members.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const groups = ['auditors', 'release', 'storage'] as const
const [, middle] = groups
let people: string[] = []
beforeEach(async () => {
  await spec.superuser.query('delete from countersign.group_member')
  people = [newId(), newId(), newId()].toSorted()
})

const seat = (group: string, person: string, changeId: number) =>
  spec.superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id, change_id, counts)
     values ($1, $2, $3, $4, false)`,
    [spec.tenantId, group, person, changeId],
  )
const inTransaction = (work: (tx: Transaction) => Promise<void>): Promise<void> =>
  withTenants(spec.poolOf('notifier'), [spec.tenantId], work)
const untilWaiting = async (sessions: number): Promise<void> => {
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  while ((await spec.superuser.query(waiting)).rowCount !== sessions) await pause(5)
}
/** Runs both while somebody holds a seat that both want: each has by then locked what it locks before that one. */
const behind = async (
  { group, person }: { readonly group: string; readonly person: string },
  one: (tx: Transaction) => Promise<void>,
  other: (tx: Transaction) => Promise<void>,
): Promise<void> => {
  const holder = await spec.superuser.connect()
  await holder.query('begin')
  await holder.query('select from countersign.group_member where group_name = $1 and subject_id = $2 for update', [
    group,
    person,
  ])
  const first = inTransaction(one)
  await untilWaiting(1)
  const second = inTransaction(other)
  await untilWaiting(2)
  await holder.query('commit')
  holder.release()
  await Promise.all([first, second])
}
const anewByFeed = (person: string) => (tx: Transaction) =>
  seatAnew(
    tx,
    { tenantId: spec.tenantId, changedBy: null, seeded: false, seats: undefined },
    { person, reason: undefined },
  )
const counts = (changes: readonly number[]) => (tx: Transaction) =>
  countMembers(tx, spec.tenantId, { changes, by: newId() })

describe('seats that a review of the feed lets count are locked in one order', () => {
  it('while somebody gets theirs anew', async () => {
    const [one = ''] = people
    for (const [at, group] of groups.entries()) await seat(group, one, groups.length - at)
    await behind({ group: middle, person: one }, counts([3, 2, 1]), anewByFeed(one))
    const { rows } = await spec.superuser.query('select from countersign.group_member where counts')
    expect(rows).toHaveLength(groups.length)
  })

  it('while people are taken out of a group', async () => {
    const [first = '', second = '', last = ''] = people
    for (const [at, person] of [last, second, first].entries()) await seat(middle, person, at + 1)
    await behind({ group: middle, person: second }, counts([1, 2, 3]), (tx) =>
      writeGroup(
        tx,
        { tenantId: spec.tenantId, group: middle, changedBy: newId(), seeded: false },
        { added: [], removed: [first, second, last] },
      ),
    )
    const { rows } = await spec.superuser.query('select from countersign.group_member')
    expect(rows).toEqual([])
  })
})
