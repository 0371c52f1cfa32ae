import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freshStore, type SpecStore } from '../spec-store.ts'
import { newId } from '../stream.ts'

const author = newId()
let store: SpecStore
beforeAll(async () => {
  store = await freshStore()
})
afterAll(() => store.drop())
beforeEach(async () => {
  await store.superuser.query('delete from countersign.directory_feed')
  await store.superuser.query(
    `insert into countersign.directory_feed (tenant_id, feed_id, issuer, subject_from, token_hash, connected_by)
     values ($1, $2, 'https://idp.test', 'userName', $3, $4)`,
    [store.tenantId, newId(), Buffer.from(newId()), author],
  )
})

/** A reviewer whom a push takes out. */
const takeOut = (on: pg.Pool | pg.PoolClient, reviewer: string) =>
  on.query(
    `insert into countersign.former_member (tenant_id, group_name, subject_id, counted) values ($1, 'operators', $2, true)`,
    [store.tenantId, reviewer],
  )
const isHeld = async (reviewer: string) => {
  const { rows } = await store.superuser.query<{ held: boolean }>(
    'select held from countersign.former_member where subject_id = $1',
    [reviewer],
  )
  return rows[0]?.held
}
const ends: [how: string, statement: string][] = [
  [
    'is reviewed',
    `update countersign.register_change set reviewed_by = $2 where tenant_id = $1 and reviewed_by is null`,
  ],
  ['is disconnected', `delete from countersign.directory_feed where tenant_id = $1 and feed_id <> $2`],
]

/** Comes back once it was done or waits for somebody. */
const doneOrWaiting = async (work: Promise<unknown>): Promise<void> => {
  let isDone = false
  void work.then(() => (isDone = true))
  const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  while (!isDone && (await store.superuser.query(waits)).rowCount === 0) await delay(5)
}

describe.each(ends)('a reviewer who is taken out in the moment in which the feed %s', (_how, statement) => {
  it.each(['the push', 'the end'])('is held no longer than that: %s comes first', async (first) => {
    const reviewer = newId()
    const [one, other] = [await store.superuser.connect(), await store.superuser.connect()]
    const end = (on: pg.PoolClient) => on.query(statement, [store.tenantId, newId()])
    const push = (on: pg.PoolClient) => takeOut(on, reviewer)
    await one.query('begin')
    await (first === 'the push' ? push(one) : end(one))
    const second = first === 'the push' ? end(other) : push(other)
    await doneOrWaiting(second)
    await one.query('commit')
    await second
    one.release()
    other.release()
    expect(await isHeld(reviewer)).toBe(false)
  })
})

describe('a reviewer who is taken out while a feed waits for its review', () => {
  it('is held, and keeps nobody from hearing of the feed meanwhile', async () => {
    const reviewer = newId()
    const push = await store.superuser.connect()
    await push.query('begin')
    await takeOut(push, reviewer)
    await store.superuser.query('update countersign.directory_feed set seen_at = clock_timestamp()')
    await push.query('commit')
    push.release()
    expect(await isHeld(reviewer)).toBe(true)
  })
})
