import { newId, type StreamRef } from '@countersign/event-store'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { policySetStream } from '../activate-policy-set/policy-set-stream.ts'
import { edited, evaluating, reviewing } from '../evaluating.fixture.ts'
import { followDeadlines } from '../expire-intent/follow-deadlines.ts'
import { policyStore, wakeUp, type PolicyStore } from '../policy-store.fixture.ts'

let at: PolicyStore
beforeAll(async () => {
  at = await policyStore()
})
afterAll(() => at.drop())

const typesOf = async (ref: StreamRef) => (await at.eventsOf(ref)).map(({ type }) => type)

/** What becomes of every append of policy's answer until it is over. */
const outages = {
  'connections that break': 'perform pg_terminate_backend(pg_backend_pid());',
  'statements that are cancelled': `raise exception 'cancelled' using errcode = '57014';`,
  'locks that are not to be had': `raise exception 'locked' using errcode = '55P03';`,
  deadlocks: `raise exception 'deadlock' using errcode = '40P01';`,
  'a server without connections left': `raise exception 'full' using errcode = '53300';`,
}
const begin = (what: string) =>
  at.spec.superuser.query(`
    create or replace function public.outage() returns trigger language plpgsql security definer
      as $$ begin ${what} return new; end $$;
    create or replace trigger outage before insert on countersign.event for each row
      when (new.type like '%PolicyEvaluated%') execute function public.outage()`)
const end = () => at.spec.superuser.query('drop trigger if exists outage on countersign.event')

describe('a short outage of the store, which is back before anybody looks', () => {
  afterEach(end)

  it.each(Object.entries(outages))('gives no intent up: %s', async (_name, what) => {
    const { deliver, seeding } = await evaluating(at)
    await seeding.start()
    const refs = [await at.publish(), await at.publish()]
    await begin(what)
    await expect(deliver(...refs.map((ref) => wakeUp(ref)))).rejects.toThrow()
    for (const ref of refs) await expect(deliver(wakeUp(ref))).rejects.toThrow()
    await end()
    expect(await deliver(...refs.map((ref) => wakeUp(ref)))).toEqual(['done', 'done'])
    for (const ref of refs)
      expect(await typesOf(ref)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentAllowed'])
  })

  it('does not end the wake-up of those that wait for a policy set', async () => {
    const { deliver, seeding } = await evaluating(at)
    await seeding.start()
    const ref = await at.publish()
    const activated = wakeUp(policySetStream(at.spec.tenantId), 'PolicySetActivated')
    while ((await waiting(ref)) === 0) await followDeadlines(at.spec.poolOf('policy'))
    await begin(outages['connections that break'])
    await expect(deliver(activated)).rejects.toThrow()
    await end()
    expect(await deliver(activated)).toEqual(['done'])
    expect(await typesOf(ref)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentAllowed'])
  })
})

it('an intent whose key is destroyed while it is evaluated is evaluated again, without its parameters', async () => {
  const ref = await at.publish()
  let destroyed = false
  const { deliver } = await evaluating(at, {
    ...at.keyring,
    sealBatch: async (items, options) => {
      const sealed = await at.keyring.sealBatch(items, options)
      if (!destroyed)
        await at.spec.superuser.query('delete from countersign.intent_key where stream_id = $1', [ref.streamId])
      destroyed = true
      return sealed
    },
  })
  expect(await deliver(wakeUp(ref))).toEqual(['done'])
  expect((await at.eventsOf(ref)).at(-1)).toMatchObject({ type: 'IntentDenied', data: { code: 'policy_error' } })
})

it('policy sets that follow each other faster than an intent is evaluated leave it to the next delivery', async () => {
  const tenantId = await at.spec.addTenant('restless')
  const ref = await at.publish({ tenantId })
  const { activation } = await evaluating(at)
  await activation.seed(tenantId, reviewing)
  let place = 0
  const sources = [reviewing, edited({ 'any.cedar': null })]
  const { deliver } = await evaluating(at, {
    ...at.keyring,
    sealBatch: async (items, options) => {
      const source = sources[(place += 1) % 2]
      if (source !== undefined) await activation.activate(tenantId, source, newId())
      return at.keyring.sealBatch(items, options)
    },
  })
  await expect(deliver(wakeUp(ref))).rejects.toThrow('changed meanwhile')
  expect(await typesOf(ref)).toEqual(['ActionIntentPublished'])
})

const waiting = async ({ streamId }: StreamRef) =>
  (await at.spec.superuser.query('select from policy.deadline where intent_id = $1', [streamId])).rowCount ?? 0
