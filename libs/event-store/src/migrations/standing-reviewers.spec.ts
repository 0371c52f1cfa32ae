import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../stream.ts'
import { storeBefore } from '../spec-store.ts'
import { StandingReviewers1795345200000 } from './standing-reviewers.ts'

const [tenantId, other] = [newId(), newId()]
const people = {
  olga: newId(),
  acting: newId(),
  inactive: newId(),
  shared: newId(),
  uncounted: newId(),
  elsewhere: newId(),
} as const
type Name = keyof typeof people

let before: Awaited<ReturnType<typeof storeBefore>>
const person = (name: Name, { active = true, kind = 'human', of = tenantId } = {}) =>
  before.superuser.query(
    'insert into countersign.person (tenant_id, subject_id, display_name, active, kind) values ($1, $2, $3, $4, $5)',
    [of, people[name], name, active, kind],
  )
const member = (name: Name, group: string, { counts = true, of = tenantId, word = null as string | null } = {}) =>
  before.superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id, counts, rests_on) values ($1, $2, $3, $4, $5)`,
    [of, group, people[name], counts, word],
  )
const kept = async () => {
  const { rows } = await before.superuser.query(
    `select tenant_id as tenant, group_name as "group", subject_id as person, counted, rests_on as word
     from countersign.former_member order by group_name, subject_id`,
  )
  return rows
}
const anotherReviews = async (of = tenantId) => {
  const { rows } = await before.superuser.query<{ answer: boolean }>(
    'select countersign.another_reviews($1, $2) as answer',
    [of, people.olga],
  )
  return rows[0]?.answer
}

/** What a store of before held. */
beforeAll(async () => {
  before = await storeBefore(StandingReviewers1795345200000)
  await before.superuser.query(
    `insert into countersign.tenant (tenant_id, name) values ($1, 'spec'), ($2, 'another')`,
    [tenantId, other],
  )
  await person('olga')
  await member('olga', 'operators')
  await person('acting', { of: other })
  await member('acting', 'operators', { of: other })
  await person('inactive', { active: false })
  await member('inactive', 'operators')
  await member('inactive', 'data-owners')
  await person('shared', { kind: 'shared' })
  await member('shared', 'security-admins', { word: people.elsewhere })
  await person('uncounted', { active: false })
  await member('uncounted', 'operators', { counts: false })
  await person('elsewhere', { active: false, of: other })
  await member('elsewhere', 'security-admins', { of: other })
})
afterAll(() => before.drop())

describe('the migration to reviewers who have to stand', () => {
  it('takes whoever could not act before it for somebody who left at that moment, by the same word, and nobody else', async () => {
    expect(await anotherReviews()).toBe(true)
    expect(await kept()).toEqual([])
    await before.migrate()
    const gone = { counted: true, word: null }
    expect(await kept()).toEqual([
      { ...gone, tenant: tenantId, group: 'operators', person: people.inactive },
      ...[
        { ...gone, tenant: tenantId, group: 'security-admins', person: people.shared, word: people.elsewhere },
        { ...gone, tenant: other, group: 'security-admins', person: people.elsewhere },
      ].toSorted((one, two) => (one.person < two.person ? -1 : 1)),
    ])
  })

  it('lets changes wait for them 7 days from then on and no longer', async () => {
    expect([await anotherReviews(), await anotherReviews(other)]).toEqual([true, true])
    await before.superuser.query(`update countersign.former_member set until = until - interval '8 days'`)
    expect([await anotherReviews(), await anotherReviews(other)]).toEqual([false, true])
  })
})
