import type { DeliveredRecord } from '@countersign/bus'
import type { Keyring } from '@countersign/event-store'
import type { PolicySource } from '@countersign/policy-engine'
import { ActivatePolicySet } from './activate-policy-set/activate-policy-set.handler.ts'
import { SeedPolicySets } from './activate-policy-set/seed-policy-sets.ts'
import { ActiveSets } from './active-sets.ts'
import { EvaluateIntents } from './evaluate-intent/evaluate-intent.handler.ts'
import { IntentWakeUps } from './evaluate-intent/intent-wake-ups.ts'
import { quiet, samplePolicies, type PolicyStore } from './policy-store.fixture.ts'

/** The parts that evaluate intents, composed as the service does. */
export const evaluating = async (at: PolicyStore, keys: Keyring = at.keyring) => {
  const pool = at.spec.poolOf('policy')
  const sets = new ActiveSets()
  const activation = new ActivatePolicySet(at.store, sets)
  const seeding = new SeedPolicySets(pool, activation, await samplePolicies(), quiet)
  const intents = new EvaluateIntents({
    pool,
    store: at.store,
    keyring: keys,
    sets,
    collectWithinMs: 900_000,
    seed: (tenantIds) => seeding.seed(tenantIds),
  })
  const wakeUps = new IntentWakeUps({ pool, intents, log: quiet })
  const deliver = (...records: DeliveredRecord[]) => wakeUps.handle({ records })
  return { activation, seeding, deliver }
}

const schema = `namespace CS {
  entity Agent, Target;
  type Facts = { environment: String };
  action leaving;
  action "data.export", "data.send" in [leaving] appliesTo { principal: Agent, resource: Target, context: Facts };
  action "data.read" appliesTo { principal: Agent, resource: Target, context: Facts };
}`

/** A small set by file: each action asks for a review, and stricter rules apply where something is wrong. */
export const reviewing: PolicySource & { readonly policies: Record<string, string> } = {
  schema,
  policies: {
    'export.cedar':
      '@id("export") @decision("review") @seats("data-owners:1") permit(principal, action == CS::Action::"data.export", resource);',
    'read.cedar':
      '@id("read") @decision("review") @seats("data-owners:1") permit(principal, action == CS::Action::"data.read", resource);',
    'never.cedar':
      '@id("never") forbid(principal, action == CS::Action::"data.export", resource) when { context.environment == "vault" };',
    'strict.cedar':
      '@id("strict") @decision("review") @seats("security-admins:2") permit(principal, action in CS::Action::"leaving", resource) when { context.environment == "vault" };',
    'any.cedar': '@id("any") forbid(principal, action, resource) when { context.environment == "lost" };',
  },
}

/** The same set with files replaced; null removes one. */
export const edited = (
  files: Readonly<Record<string, string | null>>,
  source: PolicySource = reviewing,
): PolicySource => ({
  ...source,
  policies: Object.fromEntries(
    Object.entries({ ...source.policies, ...files }).filter((file): file is [string, string] => file[1] !== null),
  ),
})
