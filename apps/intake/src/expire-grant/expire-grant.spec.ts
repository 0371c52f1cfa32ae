import { isRefusal } from '@countersign/contracts'
import { createLog } from '@countersign/service-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeBench, type IntakeBench } from '../intake.fixture.ts'
import { ExpireGrants } from './expire-grant.ts'

let bench: IntakeBench
let sweeper: ExpireGrants
beforeAll(async () => {
  bench = await intakeBench()
  sweeper = new ExpireGrants(bench.pool, bench.events, createLog({ service: 'intake', level: 'silent' }))
})
afterAll(() => bench.close())

const granted = async (ttl = {}) => {
  const { intentId } = await bench.publishOne()
  await bench.allow(intentId, ttl)
  const grant = await bench.issue.handle(bench.caller, intentId)
  if (isRefusal(grant)) throw new Error(grant.code)
  return grant
}
const dueAt = async (grantId: string): Promise<string | undefined> => {
  const { rows } = await bench.superuser.query<{ due_at: Date | null }>(
    'select due_at from intake.issued_grant where grant_id = $1',
    [grantId],
  )
  return rows[0]?.due_at?.toISOString()
}
/** As if the sweeper had looked at the table just before the stream moved on. */
const makeDue = (grantId: string) =>
  bench.superuser.query(`update intake.issued_grant set due_at = '2026-01-01T00:00:00Z' where grant_id = $1`, [grantId])

describe('a sweep', () => {
  it('keeps the deadline of the report when the grant was redeemed meanwhile', async () => {
    const grant = await granted()
    const { action, target, environment, parameters } = bench.body()
    const receipt = await bench.redeem.handle(bench.caller, grant.grantId, {
      token: grant.token,
      redemptionId: bench.newId(),
      action,
      target,
      environment,
      parameters,
    })
    if (isRefusal(receipt)) throw new Error(receipt.code)
    await makeDue(grant.grantId)
    await sweeper.sweep()
    expect(await dueAt(grant.grantId)).toBe(receipt.reportBefore)
  })

  it('keeps the end of a grant that has not run out', async () => {
    const grant = await granted()
    await makeDue(grant.grantId)
    await sweeper.sweep()
    expect(await dueAt(grant.grantId)).toBe(grant.expiresAt)
  })

  it('ends a grant that has run out, and is done with it', async () => {
    const grant = await granted({ grantTtlMs: 1_000 })
    await bench.superuser.query('select pg_sleep(1.01)')
    await sweeper.sweep()
    expect((await bench.history(grant.intentId)).at(-1)?.type).toBe('GrantExpired')
    expect(await dueAt(grant.grantId)).toBeUndefined()
  })

  it('looks again later at a history that it cannot read', async () => {
    const [grantId, intentId] = [bench.newId(), bench.newId()]
    await bench.superuser.query(
      `insert into intake.issued_grant (grant_id, tenant_id, intent_id, due_at) values ($1, $2, $3, '2026-01-01T00:00:00Z')`,
      [grantId, bench.tenantId, intentId],
    )
    await sweeper.sweep()
    const { rows } = await bench.superuser.query(
      'select from intake.issued_grant where grant_id = $1 and due_at > clock_timestamp()',
      [grantId],
    )
    expect(rows).toHaveLength(1)
  })
})
