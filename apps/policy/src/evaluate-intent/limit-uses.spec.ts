import type { EventData } from '@countersign/contracts'
import { newId, type StreamRef } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluating } from '../evaluating.fixture.ts'
import { policyStore, samplePolicies, wakeUp, type PolicyStore } from '../policy-store.fixture.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

/** Makes a set with this one rule about reads the active one of the tenant. */
const activate = async (rule: string) => {
  const source = await samplePolicies()
  const { activation } = await evaluating(at)
  const policies = { 'limited.cedar': `${rule} permit(principal, action == CS::Action::"data.read", resource);` }
  expect(await activation.activate(at.spec.tenantId, { ...source, policies }, newId())).toMatchObject({
    status: 'activated',
  })
}
const endOf = async (ref: StreamRef) => (await at.eventsOf(ref)).at(-1)
const countsOf = async (refs: readonly StreamRef[]) => {
  const ends = await Promise.all(refs.map(endOf))
  return Object.fromEntries(
    ['IntentAllowed', 'ReviewRequested', 'IntentDenied'].map((type) => [
      type,
      ends.filter((event) => event?.type === type).length,
    ]),
  )
}
/** Long windows, so that none ends while the spec runs: a window of 31 days of 1970 on ends on some day at midnight. */
const month = 'P31D'

const requester = newId()
type Published = Partial<EventData<'ActionIntentPublished'>>

describe('a limit over several intents', () => {
  it('holds exactly under 50 parallel requests on three services; the rest waits for a person', async () => {
    await activate(`@id("twenty") @decision("allow") @limit("20 per ${month}") @seats("data-owners:1")`)
    const services = await Promise.all([evaluating(at), evaluating(at), evaluating(at)])
    const refs = await Promise.all(Array.from({ length: 50 }, () => at.publish()))
    await Promise.all(
      services.flatMap(({ deliver }, own) =>
        refs.filter((_ref, index) => index % services.length === own).map((ref) => deliver(wakeUp(ref))),
      ),
    )
    expect(await countsOf(refs)).toEqual({ IntentAllowed: 20, ReviewRequested: 30, IntentDenied: 0 })
    const { rows } = await at.spec.superuser.query<{ taken: string }>('select taken from countersign.limit_use')
    expect(rows).toEqual([{ taken: '20' }])
  })

  it('holds in one batch as well, is each agent’s own, and says in the decision that it was reached', async () => {
    await activate(`@id("two") @decision("allow") @limit("2 per ${month}")`)
    const { deliver } = await evaluating(at)
    const agent = { subjectId: newId(), name: 'other-bot', kind: 'agent' as const }
    const own = await Promise.all(Array.from({ length: 5 }, () => at.publish()))
    const others = await Promise.all([at.publish({ agent }), at.publish({ agent })])
    await deliver(...[...own, ...others].map((ref) => wakeUp(ref)))
    expect(await countsOf(own)).toEqual({ IntentAllowed: 2, ReviewRequested: 0, IntentDenied: 3 })
    expect(await countsOf(others)).toEqual({ IntentAllowed: 2, ReviewRequested: 0, IntentDenied: 0 })
    const denied = (await Promise.all(own.map((ref) => at.eventsOf(ref)))).find(
      (events) => events.at(-1)?.type === 'IntentDenied',
    )
    expect(denied?.at(-1)?.data).toMatchObject({ code: 'limit_reached', rules: ['two'] })
    const evaluated = denied?.find(({ type }) => type === 'PolicyEvaluated')?.data as EventData<'PolicyEvaluated'>
    expect(evaluated.limitsReached).toEqual(['two'])
  })

  it('of a producer holds exactly over its agents under 50 parallel requests on three services', async () => {
    await activate(`@id("all-of-it") @decision("allow") @limit("20 per ${month} by producer")`)
    const services = await Promise.all([evaluating(at), evaluating(at), evaluating(at)])
    const agents = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ subjectId: newId(), name, kind: 'agent' as const }))
    const refs = await Promise.all(agents.flatMap((agent) => Array.from({ length: 10 }, () => at.publish({ agent }))))
    await Promise.all(
      services.flatMap(({ deliver }, own) =>
        refs.filter((_ref, index) => index % services.length === own).map((ref) => deliver(wakeUp(ref))),
      ),
    )
    expect(await countsOf(refs)).toEqual({ IntentAllowed: 20, ReviewRequested: 0, IntentDenied: 30 })
  })

  it.each<[string, Published, Published]>([
    ['producer', { producer: 'other' }, { agent: { subjectId: newId(), name: 'other-bot', kind: 'agent' } }],
    ['owner', { owners: [newId()] }, { producer: 'other' }],
    ['person', { requester, onBehalfOf: newId() }, { requester, producer: 'other' }],
    ['target', { target: 'postgres://other/orders' }, { producer: 'other', onBehalfOf: newId() }],
  ])('by %s is that one’s alone, whatever else differs', async (scope, another, same) => {
    await activate(`@id("by-${scope}") @decision("allow") @limit("1 per ${month} by ${scope}")`)
    const { deliver } = await evaluating(at)
    const refs = await Promise.all([at.publish({ requester }), at.publish(same), at.publish(another)])
    for (const ref of refs) await deliver(wakeUp(ref))
    const ends = await Promise.all(refs.map(endOf))
    expect(ends.map((event) => event?.type)).toEqual(['IntentAllowed', 'IntentDenied', 'IntentAllowed'])
    const { rows } = await at.spec.superuser.query<{ agent: string }>(
      `select agent from countersign.limit_use where rule = 'by-target'`,
    )
    expect(JSON.stringify(rows)).not.toContain('postgres')
  })

  it('by tenant is everybody’s', async () => {
    await activate(`@id("by-tenant") @decision("allow") @limit("1 per ${month} by tenant")`)
    const { deliver } = await evaluating(at)
    const other = { producer: 'other', owners: [newId()], onBehalfOf: newId(), target: 'elsewhere' }
    const refs = await Promise.all([at.publish(), at.publish(other)])
    for (const ref of refs) await deliver(wakeUp(ref))
    expect(await countsOf(refs)).toEqual({ IntentAllowed: 1, ReviewRequested: 0, IntentDenied: 1 })
  })

  it('of rows sums what is claimed; who claims nothing is not let through', async () => {
    await activate(`@id("rows") @decision("allow") @limit("1000 rows per ${month}")`)
    const { deliver } = await evaluating(at)
    const split = []
    for (let part = 0; part < 6; part += 1) {
      const ref = await at.publish({ impact: { rows: 199 } })
      split.push(ref)
      await deliver(wakeUp(ref))
    }
    const silent = await at.publish()
    await deliver(wakeUp(silent))
    expect(await countsOf(split)).toEqual({ IntentAllowed: 5, ReviewRequested: 0, IntentDenied: 1 })
    expect((await endOf(silent))?.type).toBe('IntentDenied')
  })

  it('begins anew with the next window', async () => {
    await activate(`@id("once") @decision("allow") @limit("1 per ${month}")`)
    const { deliver } = await evaluating(at)
    const [first, second, third] = [await at.publish(), await at.publish(), await at.publish()]
    await deliver(wakeUp(first))
    await deliver(wakeUp(second))
    await at.spec.superuser.query(
      `update countersign.limit_use set window_start = window_start - interval '31 days' where rule = 'once'`,
    )
    await deliver(wakeUp(third))
    expect(await countsOf([first, third])).toMatchObject({ IntentAllowed: 2 })
    expect((await endOf(second))?.type).toBe('IntentDenied')
    const { rows } = await at.spec.superuser.query<{ taken: string }>(
      `select taken from countersign.limit_use where rule = 'once'`,
    )
    expect(rows).toEqual([{ taken: '1' }])
  })
})
