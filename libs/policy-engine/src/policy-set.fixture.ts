import type { Facts } from './facts.ts'
import { loadPolicySet } from './load-policy-set.ts'
import type { PolicySet } from './policy-set.ts'

/** A small schema: a group of actions, typed parameters, an address, and an action that no rule needs to name. */
export const schema = `
namespace CS {
  entity Agent, Target;
  type Impact = { rows?: Long, dataClasses?: Set<String> };
  type Facts = { environment: String, target: String, agent: String, onBehalfOf: Bool, impact?: Impact };
  action reading;
  action "data.read" in [reading] appliesTo { principal: Agent, resource: Target, context: Facts };
  action "data.list" in [reading] appliesTo { principal: Agent, resource: Target, context: Facts };
  action "data.export" appliesTo {
    principal: Agent, resource: Target,
    context: { environment: String, impact?: Impact, parameters: {
      bucket?: String, rows?: Long, open?: Bool, from?: ipaddr, tags?: Set<String>, nested?: { deep: Long } } }
  };
  action "data.forget" appliesTo { principal: Agent, resource: Target, context: Facts };
}`

export const facts = (over: Partial<Facts> = {}): Facts => ({
  agent: 'reporter',
  principalKind: 'agent',
  producer: 'crew',
  action: 'data.export',
  target: 'db/customers',
  environment: 'production',
  onBehalfOf: false,
  parameters: {},
  ...over,
})

export const setOf = (policies: string | Record<string, string>): PolicySet => {
  const loaded = loadPolicySet({
    schema,
    policies: typeof policies === 'string' ? { 'rules.cedar': policies } : policies,
  })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.set
}

export const problemsOf = (policies: string | Record<string, string>, schemaText: string = schema) => {
  const loaded = loadPolicySet({
    schema: schemaText,
    policies: typeof policies === 'string' ? { 'rules.cedar': policies } : policies,
  })
  return loaded.ok ? [] : loaded.problems
}
