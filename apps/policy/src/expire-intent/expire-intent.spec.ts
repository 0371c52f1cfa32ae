import { newId, type StreamRef } from '@countersign/event-store'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policyStore, quiet, type PolicyStore } from '../policy-store.fixture.ts'
import { ExpireIntents } from './expire-intent.ts'
import { followDeadlines } from './follow-deadlines.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

const past = '2026-01-01T00:00:00.000Z'
const soon = (ms: number) => new Date(Date.now() + ms).toISOString()
const sweeper = () => new ExpireIntents({ pool: at.spec.poolOf('policy'), store: at.store, log: quiet })
const typesOf = async (ref: StreamRef) => (await at.eventsOf(ref)).map(({ type }) => type)

const deadlineOf = async (ref: StreamRef) =>
  (await at.spec.superuser.query('select due_at from policy.deadline where intent_id = $1', [ref.streamId])).rows
/** Resolves once another transaction waits for this one. */
const atTheLockOf = async (holder: pg.PoolClient) => {
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
  const isWaiting = async () =>
    (
      await at.spec.superuser.query('select from pg_stat_activity where $1 = any (pg_blocking_pids(pid))', [
        rows[0]?.pid,
      ])
    ).rowCount !== 0
  while (!(await isWaiting())) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Sweeps until the condition holds: other specs of the run may hold the gate for a moment. */
const sweepUntil = async (condition: () => Promise<boolean>, sweep = sweeper()) => {
  while (!(await condition())) await sweep.sweep()
}
const isExpired = (ref: StreamRef) => async () => (await typesOf(ref)).at(-1) === 'IntentExpired'

const allowed = (ref: StreamRef, collectBefore: string) =>
  at.store.execute(
    { streams: [ref] },
    {
      decide: () => ({
        append: [
          {
            stream: ref,
            events: [
              {
                type: 'IntentAllowed' as const,
                data: { intentId: ref.streamId, rules: [], collectBefore, grantTtlMs: 60_000 },
              },
            ],
          },
        ],
        answer: 0,
      }),
    },
  )
const inReview = (ref: StreamRef, deadline: string) =>
  at.store.execute(
    { streams: [ref] },
    {
      decide: () => ({
        append: [
          {
            stream: ref,
            events: [
              {
                type: 'ReviewRequested' as const,
                data: {
                  intentId: ref.streamId,
                  reviewId: newId(),
                  rules: [],
                  seats: [{ group: 'data-owners', count: 1 }],
                  deadline,
                  grantTtlMs: 60_000,
                  excludedAuthors: [],
                },
              },
            ],
          },
        ],
        answer: 0,
      }),
    },
  )

describe('intents whose time has come', () => {
  it('end undecided, in review and uncollected alike, once, without any bus', async () => {
    const undecided = await at.publish({ deadline: past })
    const reviewed = await at.publish()
    await inReview(reviewed, past)
    const uncollected = await at.publish()
    await allowed(uncollected, past)
    const sweep = sweeper()
    for (const ref of [undecided, reviewed, uncollected]) await sweepUntil(isExpired(ref), sweep)
    expect(await typesOf(undecided)).toEqual(['ActionIntentPublished', 'IntentExpired'])
    expect((await at.eventsOf(uncollected)).at(-1)?.data).toMatchObject({ deadline: past })
    // A late or second look appends nothing.
    await Promise.all([sweeper().sweep(), sweeper().sweep(), sweeper().sweep()])
    for (const ref of [undecided, reviewed, uncollected])
      expect((await typesOf(ref)).filter((type) => type === 'IntentExpired')).toHaveLength(1)
  })

  it('are found again after a restart, and by whoever looks first', async () => {
    const refs = await Promise.all(Array.from({ length: 30 }, () => at.publish({ deadline: past })))
    await Promise.all(refs.map((ref) => sweepUntil(isExpired(ref))))
    for (const ref of refs) expect(await typesOf(ref)).toEqual(['ActionIntentPublished', 'IntentExpired'])
  })

  it('do not include those that ended otherwise or are not due', async () => {
    const withdrawn = await at.publish({ deadline: past })
    await at.appendAs('intake', withdrawn, [
      { type: 'IntentWithdrawn', data: { intentId: withdrawn.streamId, by: newId() } },
    ])
    const later = await at.publish({ deadline: soon(3_600_000) })
    const due = await at.publish({ deadline: past })
    const sweep = sweeper()
    await sweepUntil(isExpired(due), sweep)
    expect(await sweep.sweep()).toBeGreaterThan(0)
    expect(await typesOf(withdrawn)).toEqual(['ActionIntentPublished', 'IntentWithdrawn'])
    expect(await typesOf(later)).toEqual(['ActionIntentPublished'])
  })

  it('include those of a tenant that was registered later', async () => {
    const sweep = sweeper()
    await sweep.sweep()
    const tenantId = await at.spec.addTenant('late')
    const ref = await at.publish({ tenantId, deadline: past })
    await sweepUntil(isExpired(ref), sweep)
    expect(await typesOf(ref)).toEqual(['ActionIntentPublished', 'IntentExpired'])
  })

  it('are not waited for again when another process read of their end meanwhile', async () => {
    const ref = await at.publish({ deadline: past })
    const isWaitedFor = async () => (await deadlineOf(ref)).length > 0
    while (!(await isWaitedFor())) await followDeadlines(at.spec.poolOf('policy'))
    const other = await at.spec.superuser.connect()
    try {
      await other.query('begin')
      await other.query('delete from policy.deadline where intent_id = $1', [ref.streamId])
      // Behind the gate, which the other one's transaction keeps shut: the sweep still reads the time of before.
      await allowed(ref, soon(3_600_000))
      const swept = sweeper().sweep()
      await atTheLockOf(other)
      await other.query('commit')
      await swept
    } finally {
      other.release()
    }
    expect(await deadlineOf(ref)).toEqual([])
  })

  it('end by themselves while the sweeper runs, the nearer one first', async () => {
    const sweep = sweeper()
    await sweep.start()
    try {
      const later = await at.publish({ deadline: soon(60_000) })
      sweep.wake()
      const near = await at.publish({ deadline: soon(150) })
      sweep.wake()
      while (!(await isExpired(near)())) await new Promise((resolve) => setTimeout(resolve, 20))
      expect(await typesOf(later)).toEqual(['ActionIntentPublished'])
    } finally {
      await sweep.stop()
    }
  })
})
