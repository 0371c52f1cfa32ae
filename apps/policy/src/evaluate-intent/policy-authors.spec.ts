import type { EventData } from '@countersign/contracts'
import { newId, type StreamRef } from '@countersign/event-store'
import type { PolicySource } from '@countersign/policy-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policySetStream } from '../activate-policy-set/policy-set-stream.ts'
import { edited, evaluating, reviewing } from '../evaluating.fixture.ts'
import { policyStore, wakeUp, type PolicyStore } from '../policy-store.fixture.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

const lastOf = async (ref: StreamRef) => {
  const last = (await at.eventsOf(ref)).at(-1)
  if (last === undefined) throw new Error('the stream is empty')
  return last
}
const never = reviewing.policies['never.cedar'] ?? ''
const strict = reviewing.policies['strict.cedar'] ?? ''

/** A tenant that started with the small set, and what this store's policy does for it. */
const tenant = async (name: string) => {
  const tenantId = await at.spec.addTenant(name.replaceAll(' ', '-'))
  const { activation, deliver } = await evaluating(at)
  const seeded = await activation.seed(tenantId, reviewing)
  const change = async (source: PolicySource, author = newId()) => {
    expect(await activation.activate(tenantId, source, author)).toMatchObject({ status: 'activated' })
    return author
  }
  const outcomeOf = async (action: string) => {
    const ref = await at.publish({ tenantId, action })
    await deliver(wakeUp(ref))
    return lastOf(ref)
  }
  const excludedOf = async (action: string) =>
    ((await outcomeOf(action)).data as EventData<'ReviewRequested'>).excludedAuthors
  return { tenantId, seeded: seeded.digest, change, outcomeOf, excludedOf }
}

/** Changes rows that are otherwise only appended to. */
const rewrite = async (text: string, values: unknown[]) => {
  const client = await at.spec.superuser.connect()
  try {
    await client.query('set session_replication_role = replica')
    await client.query(text, values)
    await client.query('reset session_replication_role')
  } finally {
    client.release()
  }
}

describe('whoever changed policy does not approve what the change let through', () => {
  const otherGroup = {
    ...reviewing,
    schema: reviewing.schema.replace('"data.export", "data.send" in', '"data.send" in'),
  }
  const both = { export: true, read: true }
  it.each<[string, PolicySource, { export: boolean; read: boolean }]>([
    ['deletes a forbid', edited({ 'never.cedar': null }), { export: true, read: false }],
    ['narrows a forbid', edited({ 'never.cedar': never.replace('vault', 'cellar') }), { export: true, read: false }],
    [
      'relaxes a stricter review',
      edited({ 'strict.cedar': strict.replace(':2', ':1') }),
      { export: true, read: false },
    ],
    ['makes a rule speak of another action', edited({ 'never.cedar': never.replace('export', 'read') }), both],
    ['deletes a rule about any action', edited({ 'any.cedar': null }), both],
    [
      'takes an action out of its group',
      {
        ...otherGroup,
        schema: otherGroup.schema.replace('action "data.read"', 'action "data.read", "data.export"'),
      },
      both,
    ],
    [
      'only moves a rule to another file',
      edited({ 'never.cedar': null, 'moved.cedar': never }),
      { export: false, read: false },
    ],
  ])('when the author %s', async (name, source, excluded) => {
    const { change, excludedOf } = await tenant(name)
    const author = await change(source)
    expect(await excludedOf('data.export')).toEqual(excluded.export ? [author] : [])
    expect(await excludedOf('data.read')).toEqual(excluded.read ? [author] : [])
  })

  it('whoever took part in several steps, also when the last one undid them', async () => {
    const { change, excludedOf } = await tenant('steps')
    const authors = [await change(edited({ 'never.cedar': null })), await change(reviewing)]
    expect((await excludedOf('data.export')).toSorted()).toEqual(authors.toSorted())
  })

  it('and of everything where a set of before can not be read', async () => {
    const { change, excludedOf, tenantId, seeded } = await tenant('unreadable')
    const author = await change(edited({ 'never.cedar': null }))
    await at.spec.superuser.query(
      `update countersign.policy_set set bundle = '{' where tenant_id = $1 and digest = $2`,
      [tenantId, seeded],
    )
    expect(await excludedOf('data.read')).toEqual([author])
  })

  it('until another person has reviewed the change, and for 7 days in any case', async () => {
    const { change, excludedOf, tenantId } = await tenant('reviewed')
    const author = await change(edited({ 'never.cedar': null }))
    const reviewed = (by: string) =>
      at.spec.superuser.query('update countersign.policy_set set reviewed_by = $2 where tenant_id = $1', [tenantId, by])
    await reviewed(newId())
    expect(await excludedOf('data.export')).toEqual([author])
    await rewrite(
      `update countersign.event set recorded_at = recorded_at - interval '169 hours' where kind = 'register' and stream_id = $1`,
      [policySetStream(tenantId).streamId],
    )
    expect(await excludedOf('data.export')).toEqual([])
    await reviewed(author)
    expect(await excludedOf('data.export')).toEqual([author])
  })

  it('and with more such authors than a review can name it is a deny', async () => {
    const { change, outcomeOf, tenantId, seeded } = await tenant('many')
    const other = edited({ 'never.cedar': null })
    await change(other)
    await change(reviewing)
    const [, away, back] = await at.eventsOf(policySetStream(tenantId))
    const steps = [away, back].map((event) => event?.data as EventData<'PolicySetActivated'>)
    const stream = policySetStream(tenantId)
    const events = Array.from({ length: 31 }, () => steps)
      .flat()
      .map((data) => ({ type: 'PolicySetActivated' as const, data: { ...data, activatedBy: newId() } }))
    await at.store.execute({ streams: [stream] }, { decide: () => ({ append: [{ stream, events }], answer: 0 }) })
    const asked = await outcomeOf('data.export')
    expect(asked.type).toBe('ReviewRequested')
    expect((asked.data as EventData<'ReviewRequested'>).excludedAuthors).toHaveLength(64)
    await change(other)
    expect(await outcomeOf('data.export')).toMatchObject({ type: 'IntentDenied', data: { code: 'policy_error' } })
    expect(await outcomeOf('data.read')).toMatchObject({ type: 'ReviewRequested', data: { excludedAuthors: [] } })
    expect(seeded).toBe(steps[0]?.previousDigest)
  })
})
