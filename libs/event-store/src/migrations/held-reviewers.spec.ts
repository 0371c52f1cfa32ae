import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../stream.ts'
import { storeBefore } from '../spec-store.ts'
import { HeldReviewers1795348800000 } from './held-reviewers.ts'

const author = newId()
const tenants = { unseen: newId(), seen: newId(), unfed: newId() } as const
type Tenant = keyof typeof tenants

let before: Awaited<ReturnType<typeof storeBefore>>
const connects = (tenant: Tenant) =>
  before.superuser.query(
    `insert into countersign.directory_feed (tenant_id, feed_id, issuer, subject_from, token_hash, connected_by, connected_at)
     values ($1, $2, 'https://idp.test', 'userName', $3, $4, clock_timestamp() - interval '20 days')`,
    [tenants[tenant], newId(), Buffer.from(tenant), author],
  )
const left = (tenant: Tenant, name: string, { days = 10, group = 'operators', counted = true } = {}) =>
  before.superuser.query(
    `insert into countersign.former_member (tenant_id, group_name, subject_id, counted, until)
     values ($1, $2, md5($3)::uuid, $4, clock_timestamp() - $5 * interval '1 day')`,
    [tenants[tenant], group, name, counted, days],
  )
const isHeld = async (name: string) => {
  const { rows } = await before.superuser.query<{ held: boolean }>(
    'select held from countersign.former_member where subject_id = md5($1)::uuid',
    [name],
  )
  return rows.map(({ held }) => held)
}

beforeAll(async () => {
  before = await storeBefore(HeldReviewers1795348800000)
  for (const [name, tenantId] of Object.entries(tenants))
    await before.superuser.query('insert into countersign.tenant (tenant_id, name) values ($1, $2)', [tenantId, name])
  await connects('unseen')
  await connects('seen')
  await before.superuser.query(
    `update countersign.register_change set reviewed_by = $2 where tenant_id = $1 and register = 'directory_feed'`,
    [tenants.seen, newId()],
  )
  await left('unseen', 'since it was connected')
  await left('unseen', 'left before it was connected', { days: 21 })
  await left('unseen', 'did not count', { counted: false })
  await left('unseen', 'reviewed nothing', { group: 'data-owners' })
  await left('seen', 'left under a feed that was reviewed')
  await left('unfed', 'left where there is no feed')
  await before.migrate()
})
afterAll(() => before.drop())

describe('the migration to reviewers who stay until a feed is reviewed', () => {
  it('lets those stay who have left since an unreviewed feed was connected', async () => {
    expect(await isHeld('since it was connected')).toEqual([true])
  })

  it.each([
    'left before it was connected',
    'did not count',
    'reviewed nothing',
    'left under a feed that was reviewed',
    'left where there is no feed',
  ])('passes over who %s', async (name) => {
    expect(await isHeld(name)).toEqual([false])
  })
})
