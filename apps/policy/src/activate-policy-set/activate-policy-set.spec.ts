import { newId, withTenants, type Transaction } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActiveSets } from '../active-sets.ts'
import { edited, evaluating, reviewing } from '../evaluating.fixture.ts'
import { policyStore, wakeUp, type PolicyStore } from '../policy-store.fixture.ts'
import { policySetStream } from './policy-set-stream.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

const historyOf = (tenantId: string) => at.eventsOf(policySetStream(tenantId))
const activeOf = async (tenantId: string) => {
  const { rows } = await at.spec.superuser.query<{ digest: string }>(
    'select digest from countersign.active_policy_set where tenant_id = $1',
    [tenantId],
  )
  return rows[0]?.digest
}

describe('a policy set that can not be read', () => {
  it.each([
    ['because its texts are damaged', '{'],
    ['because its texts are others', JSON.stringify(edited({ 'never.cedar': null }))],
    ['because it is not a set at all', '{"schema":"","policies":null}'],
  ])('is never replaced by the one of the folder, and nothing is decided by it: %s', async (name, bundle) => {
    const tenantId = await at.spec.addTenant(name.replaceAll(' ', '-'))
    const first = await evaluating(at)
    await first.activation.seed(tenantId, reviewing)
    const [author, by] = [newId(), newId()]
    await first.activation.activate(tenantId, edited({ 'any.cedar': null }), author)
    const digest = await activeOf(tenantId)
    await at.spec.superuser.query('update countersign.policy_set set bundle = $2 where tenant_id = $1', [
      tenantId,
      bundle,
    ])

    const { seeding, activation, deliver } = await evaluating(at)
    await seeding.start()
    const ref = await at.publish({ tenantId, action: 'data.read' })
    expect(await deliver(wakeUp(ref))).toEqual(['done'])
    expect(await historyOf(tenantId)).toHaveLength(2)
    expect(await activeOf(tenantId)).toBe(digest)
    expect(await at.eventsOf(ref)).toHaveLength(1)

    expect(await activation.activate(tenantId, reviewing, by)).toMatchObject({ status: 'activated' })
    expect((await historyOf(tenantId)).at(-1)?.data).toMatchObject({
      previousDigest: digest,
      activatedBy: by,
      seeded: false,
      changedRules: [],
    })
    await deliver(wakeUp(ref))
    expect((await at.eventsOf(ref)).at(-1)).toMatchObject({
      type: 'ReviewRequested',
      data: { excludedAuthors: [by, author] },
    })
  })

  it('can be activated again by a person, which stores its texts anew', async () => {
    const tenantId = await at.spec.addTenant('again')
    const { activation } = await evaluating(at)
    const { digest } = await activation.seed(tenantId, reviewing)
    await at.spec.superuser.query(`update countersign.policy_set set bundle = '{' where tenant_id = $1`, [tenantId])
    const { activation: later, deliver } = await evaluating(at)
    expect(await later.activate(tenantId, reviewing, newId())).toEqual({ status: 'activated', digest })
    const ref = await at.publish({ tenantId, action: 'data.read' })
    await deliver(wakeUp(ref))
    expect((await at.eventsOf(ref)).at(-1)?.type).toBe('ReviewRequested')
  })
})

it('a tenant whose register names a set is not given another, even where the row of the active one is missing', async () => {
  const tenantId = await at.spec.addTenant('rowless')
  const { activation, seeding } = await evaluating(at)
  const { digest } = await activation.seed(tenantId, reviewing)
  await at.spec.superuser.query('delete from countersign.active_policy_set where tenant_id = $1', [tenantId])
  expect(await activation.seed(tenantId, reviewing)).toEqual({ status: 'already_active', digest })
  await seeding.start()
  expect(await historyOf(tenantId)).toHaveLength(1)
  expect(await activeOf(tenantId)).toBeUndefined()
})

it('a set is read also when another one took its place in memory meanwhile', async () => {
  const [one, two] = [await at.spec.addTenant('one'), await at.spec.addTenant('two')]
  const { activation } = await evaluating(at)
  const seeded = await activation.seed(one, reviewing)
  await activation.seed(two, edited({ 'any.cedar': null }))
  const sets = new ActiveSets(1)
  const read = (tenantId: string, tx: (tx: Transaction) => Transaction = (same) => same) =>
    withTenants(at.spec.poolOf('policy'), [tenantId], (same) => sets.read(tx(same), [tenantId]))
  await read(one)
  const overtaken = (tx: Transaction): Transaction => ({
    query: (async (text: string, values: unknown[]) => {
      const answer = await tx.query(text, values)
      await read(two)
      return answer
    }) as Transaction['query'],
  })
  expect((await read(one, overtaken)).get(one)?.set?.digest).toBe(seeded.digest)
})
