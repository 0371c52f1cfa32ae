import type { EventData } from '@countersign/contracts'
import { newId, type Keyring, type StreamRef } from '@countersign/event-store'
import { evaluate, loadPolicySet, type Facts } from '@countersign/policy-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActivatePolicySet } from '../activate-policy-set/activate-policy-set.handler.ts'
import { policySetStream } from '../activate-policy-set/policy-set-stream.ts'
import { ActiveSets } from '../active-sets.ts'
import { evaluating } from '../evaluating.fixture.ts'
import { followDeadlines } from '../expire-intent/follow-deadlines.ts'
import {
  opensCommitment,
  policyStore,
  quiet,
  recordOf,
  samplePolicies,
  wakeUp,
  type PolicyStore,
} from '../policy-store.fixture.ts'
import { EvaluateIntents } from './evaluate-intent.handler.ts'
import { IntentWakeUps } from './intent-wake-ups.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

const service = (keys?: Keyring) => evaluating(at, keys)
const typesOf = async (ref: StreamRef) => (await at.eventsOf(ref)).map(({ type }) => type)
const lastOf = async <T>(ref: StreamRef) => (await at.eventsOf(ref)).at(-1)?.data as T
const evaluatedOf = async (ref: StreamRef) =>
  (await at.eventsOf(ref)).find(({ type }) => type === 'PolicyEvaluated')?.data as EventData<'PolicyEvaluated'>

describe('evaluating published intents', () => {
  it('allows, denies and asks for review as the active set says, in one batch', async () => {
    const { deliver } = await service()
    const read = await at.publish()
    const remove = await at.publish({ action: 'snapshot.delete', target: 'snapshot/prod-1' })
    const leave = await at.publish({ action: 'data.export', target: 's3://partner-eu' })
    const odd = await at.publish({ action: 'no.such-thing' })
    expect(await deliver(...[read, remove, leave, odd].map((ref) => wakeUp(ref)))).toEqual([
      'done',
      'done',
      'done',
      'done',
    ])

    expect(await typesOf(read)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentAllowed'])
    expect(await lastOf(read)).toMatchObject({ rules: ['reads-are-free'] })
    expect(await typesOf(remove)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentDenied'])
    expect(await lastOf(remove)).toMatchObject({ code: 'policy_denied', rules: ['never-delete-backups'] })
    expect(await typesOf(leave)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'ReviewRequested'])
    expect(await lastOf(leave)).toMatchObject({
      rules: ['exports-need-a-data-owner'],
      seats: [{ group: 'data-owners', count: 1 }],
      grantTtlMs: 300_000,
      excludedAuthors: [],
    })
    expect(await lastOf(odd)).toMatchObject({ code: 'unknown_action', rules: [] })
  })

  it('seals the facts it used: they open the commitment and replay to the same answer', async () => {
    const { deliver } = await service()
    const ref = await at.publish({
      action: 'data.export',
      impact: { rows: 2_000_000 },
      parameters: { bucket: 'hidden' },
    })
    await deliver(wakeUp(ref))
    const evaluated = await evaluatedOf(ref)
    const sealedId = evaluated.sealedFactsId ?? ''
    const opened = (await at.keyring.openBatch([{ tenantId: ref.tenantId, sealedId }])).get(sealedId)
    if (opened?.status !== 'open') throw new Error('the facts are not sealed')
    expect(opensCommitment(opened.plaintext, evaluated.factsCommitment ?? '')).toBe(true)
    expect(opened.plaintext.toString()).not.toContain('hidden')
    const { facts } = JSON.parse(opened.plaintext.toString('utf8')) as { facts: Facts }
    const loaded = loadPolicySet(await samplePolicies())
    if (!loaded.ok) throw new Error('the sample set does not load')
    expect(loaded.digest).toBe(evaluated.policySetDigest)
    expect(evaluate(loaded.set, facts)).toMatchObject({ effect: 'review', reasons: evaluated.reasons })
    expect(JSON.stringify(await at.eventsOf(ref))).not.toContain('hidden')
  })

  it('decides once, however often it is woken', async () => {
    const { deliver } = await service()
    const ref = await at.publish()
    await deliver(wakeUp(ref), wakeUp(ref))
    await Promise.all([deliver(wakeUp(ref)), deliver(wakeUp(ref))])
    expect(await typesOf(ref)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentAllowed'])
  })

  it('denies when the parameters can no longer be opened', async () => {
    const { deliver } = await service()
    const ref = await at.publish()
    await at.spec.superuser.query('delete from countersign.intent_key where stream_id = $1', [ref.streamId])
    await deliver(wakeUp(ref))
    expect(await lastOf(ref)).toMatchObject({ code: 'policy_error', rules: [] })
  })

  it('leaves an intent past its deadline undecided', async () => {
    const { deliver } = await service()
    const ref = await at.publish({ deadline: '2020-01-01T00:00:00.000Z' })
    expect(await deliver(wakeUp(ref))).toEqual(['done'])
    expect(await typesOf(ref)).toEqual(['ActionIntentPublished'])
  })

  it('evaluates again when another set becomes active between evaluation and append', async () => {
    const source = await samplePolicies()
    const strict = {
      ...source,
      policies: {
        'none.cedar': '@id("nothing-goes") forbid(principal, action in [CS::Action::"data.read"], resource);',
      },
    }
    const { activation } = await service()
    let activations = 0
    const slow: Keyring = {
      ...at.keyring,
      sealBatch: async (items, options) => {
        if (activations === 0) await activation.activate(at.spec.tenantId, strict, newId())
        activations += 1
        return at.keyring.sealBatch(items, options)
      },
    }
    const { deliver } = await service(slow)
    const refs = await Promise.all([at.publish(), at.publish(), at.publish()])
    await deliver(...refs.map((ref) => wakeUp(ref)))
    for (const ref of refs) {
      expect(await typesOf(ref)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentDenied'])
      expect(await lastOf(ref)).toMatchObject({ rules: ['nothing-goes'] })
    }
    expect(activations).toBe(2)
    await activation.activate(at.spec.tenantId, source, newId())
  })

  it('excludes from the review whoever changed the rule that asks for it, and nobody else', async () => {
    const source = await samplePolicies()
    const author = newId()
    const tenantId = await at.spec.addTenant('authors')
    const { activation, deliver } = await service()
    await activation.seed(tenantId, source)
    const data = source.policies['data.cedar'] ?? ''
    const changed = {
      ...source,
      policies: { ...source.policies, 'data.cedar': data.replace('Data leaves its place', 'Data leaves') },
    }
    await activation.activate(tenantId, changed, author)
    const leave = await at.publish({ tenantId, action: 'data.export' })
    const raise = await at.publish({ tenantId, action: 'privilege.escalate' })
    await deliver(wakeUp(leave), wakeUp(raise))
    expect(await lastOf(leave)).toMatchObject({ excludedAuthors: [author] })
    expect(await lastOf(raise)).toMatchObject({ excludedAuthors: [] })
  })

  it('stops only what is bad: records that are none, another tenant, an intent that can not be opened', async () => {
    const { deliver } = await service()
    const other = await at.spec.addTenant('other')
    const good = await at.publish()
    const foreign = await at.publish()
    const broken = await at.publish()
    await at.spec.superuser.query(
      `update countersign.sealed set nonce = '\\x000000000000000000000000' where stream_id = $1`,
      [broken.streamId],
    )
    const outcomes = await deliver(
      wakeUp(good),
      wakeUp({ ...foreign, tenantId: other }),
      recordOf(Buffer.from('{')),
      recordOf(null),
      wakeUp(good, 'VerdictRecorded'),
      wakeUp(broken),
    )
    expect(outcomes).toEqual([
      'done',
      { quarantine: 'unknown_intent' },
      { quarantine: 'invalid_event' },
      { quarantine: 'invalid_event' },
      'done',
      { park: 'evaluation_failed' },
    ])
    expect(await typesOf(good)).toContain('IntentAllowed')
    expect(await typesOf(foreign)).toEqual(['ActionIntentPublished'])
    expect(await typesOf(broken)).toEqual(['ActionIntentPublished'])
  })

  it('decides nothing while the tenant has no set that can be used, and what waits once it has one', async () => {
    const tenantId = await at.spec.addTenant('waiting')
    const pool = at.spec.poolOf('policy')
    const sets = new ActiveSets()
    const intents = new EvaluateIntents({
      pool,
      store: at.store,
      keyring: at.keyring,
      sets,
      collectWithinMs: 1_000,
      seed: async () => undefined,
    })
    const wakeUps = new IntentWakeUps({ pool, intents, log: quiet })
    const ref = await at.publish({ tenantId })
    expect(await wakeUps.handle({ records: [wakeUp(ref)] })).toEqual(['done'])
    expect(await typesOf(ref)).toEqual(['ActionIntentPublished'])
    while ((await typesOf(ref)).length === 1) {
      await new ActivatePolicySet(at.store, sets).seed(tenantId, await samplePolicies())
      await followDeadlines(pool)
      await wakeUps.handle({ records: [wakeUp(policySetStream(tenantId), 'PolicySetActivated')] })
    }
    expect(await typesOf(ref)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentAllowed'])
  })
})

describe('activating a policy set', () => {
  it('refuses a set that does not load, records the attempt, and the last good one stays', async () => {
    const tenantId = await at.spec.addTenant('activating')
    const source = await samplePolicies()
    const by = newId()
    const { activation, deliver } = await service()
    const seeded = await activation.seed(tenantId, source)
    const bad = { ...source, policies: { 'bad.cedar': '@id("x") permit(principal, action, resource);' } }
    expect(await activation.activate(tenantId, bad, by)).toMatchObject({
      status: 'refused',
      problems: [{ code: 'decision_missing' }],
    })
    expect(await activation.activate(tenantId, source, by)).toMatchObject({
      status: 'already_active',
      digest: seeded.digest,
    })
    const history = await at.eventsOf(policySetStream(tenantId))
    expect(history.map(({ type }) => type)).toEqual(['PolicySetActivated', 'PolicySetRefused'])
    expect(history[0]?.data).toMatchObject({ seeded: true, activatedBy: null, previousDigest: null })
    expect(history[1]?.data).toMatchObject({ by, code: 'decision_missing', problemCount: 1 })
    const ref = await at.publish({ tenantId })
    await deliver(wakeUp(ref))
    expect(await evaluatedOf(ref)).toMatchObject({ effect: 'allow', policySetDigest: seeded.digest })
  })

  it('never replaces a set in use by the one of the folder', async () => {
    const tenantId = await at.spec.addTenant('kept')
    const source = await samplePolicies()
    const { activation } = await service()
    await activation.seed(tenantId, source)
    const edited = { ...source, schema: `${source.schema}\n` }
    expect(await activation.seed(tenantId, edited)).toMatchObject({ status: 'already_active' })
    expect(await activation.activate(tenantId, edited, newId())).toMatchObject({ status: 'activated' })
    expect(await at.eventsOf(policySetStream(tenantId))).toHaveLength(2)
  })
})
