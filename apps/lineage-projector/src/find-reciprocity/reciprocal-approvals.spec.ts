import { randomUUID } from 'node:crypto'
import type { SpecStore } from '@countersign/event-store/spec-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshProjection } from '../projection.fixture.ts'
import { reciprocalApprovals } from './reciprocal-approvals.ts'

let store: SpecStore
let seq = 0
beforeAll(async () => {
  store = await freshProjection()
})
afterAll(() => store.drop())

const [ada, bo, cy, di] = ['1', '2', '3', '4'].map((n) => `00000000-0000-7000-8000-00000000000${n}`) as [
  string,
  string,
  string,
  string,
]
const question = { days: 30, least: 2 }

type Behind = { readonly requester?: string; readonly onBehalfOf?: string; readonly owners?: readonly string[] }
/** An intent with people behind it and one verdict, so many days ago. */
const reviewed = async (
  tenantId: string,
  behind: Behind,
  given: { by: string; verdict?: 'approve' | 'deny'; daysAgo?: number },
) => {
  const intentId = randomUUID()
  const { requester = randomUUID(), onBehalfOf = null, owners = [] } = behind
  const add = (version: number, type: string, data: object) =>
    store.superuser.query(
      `insert into lineage.audit_event
         (tenant_id, event_id, seq, kind, stream_id, version, type, schema_version, data, recorded_at)
       values ($1, gen_random_uuid(), $2, 'intent', $3, $4, $5, 1, $6, clock_timestamp() - make_interval(days => $7))`,
      [tenantId, (seq += 1), intentId, version, type, data, given.daysAgo ?? 0],
    )
  await add(1, 'ActionIntentPublished', { intentId, requester, onBehalfOf, owners })
  await add(4, 'VerdictRecorded', { intentId, person: given.by, verdict: given.verdict ?? 'approve' })
  return intentId
}

describe('reciprocal approvals', () => {
  it('are two people who approve what the other stands behind, as requester, as whom it is for, or as owner', async () => {
    const { tenantId } = store
    const intents = [
      await reviewed(tenantId, { requester: bo }, { by: ada }),
      await reviewed(tenantId, { owners: [cy, bo] }, { by: ada }),
      await reviewed(tenantId, { onBehalfOf: ada }, { by: bo }),
      await reviewed(tenantId, { owners: [ada] }, { by: bo }),
      await reviewed(tenantId, { requester: ada }, { by: bo }),
    ]
    // A no, a single service, and what is long ago make no pattern.
    await reviewed(tenantId, { requester: cy }, { by: ada, verdict: 'deny' })
    await reviewed(tenantId, { requester: ada }, { by: cy })
    for (const [one, other] of [
      [di, cy],
      [cy, di],
      [cy, di],
    ] as const) {
      await reviewed(tenantId, { requester: one }, { by: other, daysAgo: 31 })
    }
    const { pairs, total } = await reciprocalApprovals(store.poolOf('lineage'), { tenantId, ...question })
    expect(total).toBe(1)
    expect(pairs).toMatchObject([{ people: [ada, bo], approvals: [2, 3] }])
    expect(pairs[0]?.intents.toSorted()).toEqual(intents.toSorted())
  })

  it('need as many from each side as asked for', async () => {
    const { tenantId } = store
    const pool = store.poolOf('lineage')
    expect((await reciprocalApprovals(pool, { tenantId, days: 30, least: 3 })).pairs).toEqual([])
    expect((await reciprocalApprovals(pool, { tenantId, days: 60, least: 1 })).total).toBe(3)
  })

  it('are those of the tenant', async () => {
    const elsewhere = '00000000-0000-7000-8000-0000000000ff'
    const pool = store.poolOf('lineage')
    expect(await reciprocalApprovals(pool, { tenantId: elsewhere, ...question })).toEqual({ pairs: [], total: 0 })
  })
})
