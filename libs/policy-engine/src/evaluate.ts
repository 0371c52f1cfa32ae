import type { JsonValue } from '@countersign/contracts'
import type { Context } from '@cedar-policy/cedar-wasm/nodejs'
import { openCedar, type Cedar } from './cedar.ts'
import { combine, denied, type Decision } from './combine.ts'
import { contextOf, usedFacts, type Facts } from './facts.ts'
import { costOf, type LimitUse } from './limit.ts'
import { isKnownAction, rulesFor, type PolicySet, type Rule } from './policy-set.ts'

/**
 * A decision with the facts that rules could read, which are sealed so that it can be replayed, and with what an allow takes
 * of the limits of its rules.
 */
export type Evaluation = Decision & { readonly facts: Facts; readonly limits: readonly LimitUse[] }

/**
 * Evaluates an intent. Total: whatever the facts or the engine do, the answer is a decision, and doubt is a deny
 * (`unknown_action` when no rule names the action, `policy_error` when a fact does not fit the schema, the engine fails,
 * or a rule errs; Cedar skips a forbid that errs, which would allow). How much of a limit is taken is no fact of an intent:
 * `reached` names the rules whose limit leaves no room for it.
 */
export const evaluate = (set: PolicySet, facts: Facts, reached: ReadonlySet<string> = new Set()): Evaluation => {
  const { matching, code, context } = match(set, facts)
  const decision = matching === undefined ? denied(code) : combine(matching, reached)
  const limits =
    decision.effect === 'allow' && matching !== undefined
      ? matching.flatMap(({ id, limit }) =>
          limit === undefined ? [] : [{ rule: id, limit, cost: costOf(limit, facts) }],
        )
      : []
  return { ...decision, facts: usedFacts(facts, context), limits }
}

/**
 * Whether the set forbids the action now: asked again when a grant is collected under a set that may be newer than the
 * one that allowed it. Permits play no part. Doubt forbids, as in `evaluate`.
 */
export const deniesOnly = (set: PolicySet, facts: Facts): Decision | undefined => {
  const { matching, code } = match(set, facts)
  if (matching === undefined) return denied(code)
  const denies = matching.filter(({ effect }) => effect === 'deny')
  return denies.length === 0 ? undefined : combine(denies)
}

type Match =
  | { readonly matching: readonly Rule[]; readonly code?: undefined; readonly context: JsonValue }
  | { readonly matching?: undefined; readonly code: 'unknown_action' | 'policy_error'; readonly context?: JsonValue }

/** The rules that Cedar names as determining: all forbids that apply, or else all permits. */
const match = (set: PolicySet, facts: Facts): Match => {
  const declared = set.contexts.get(facts.action)
  if (declared === undefined || !isKnownAction(set, facts.action)) return { code: 'unknown_action' }
  const context = contextOf(facts, declared)
  if (!context.fits) return { code: 'policy_error' }
  const unsure: Match = { code: 'policy_error', context: context.value }
  try {
    const answer = prepared(set, facts.action).statefulIsAuthorized({
      ...scopeOf(facts),
      context: context.value as Context,
      entities: [],
      preparsedSchemaName: 'schema',
      preparsedPolicySetId: facts.action,
      validateRequest: true,
    })
    if (answer.type !== 'success' || answer.response.diagnostics.errors.length > 0) return unsure
    const { decision, diagnostics } = answer.response
    const matching = diagnostics.reason.flatMap((id) => set.rules.get(id) ?? [])
    const consistent =
      matching.length === diagnostics.reason.length &&
      matching.every(({ effect }) => (effect === 'deny') === (decision === 'deny')) &&
      (decision === 'deny' || matching.length > 0)
    return consistent ? { matching, context: context.value } : unsure
  } catch {
    // The instance may be unusable from now on; the next evaluation opens a new one.
    set.prepared.cedar = undefined
    set.prepared.actions.clear()
    return unsure
  }
}

export const scopeOf = (facts: Facts) => ({
  principal: { type: 'CS::Agent', id: facts.agent },
  action: { type: 'CS::Action', id: facts.action },
  resource: { type: 'CS::Target', id: facts.target },
})

/** The set's engine with the rules of this action prepared under the action's name. */
const prepared = (set: PolicySet, action: string): Cedar => {
  const state = set.prepared
  const cedar = (state.cedar ??= openCedar())
  if (state.actions.has(action)) return cedar
  const staticPolicies = Object.fromEntries(rulesFor(set, action).map(({ id, source }) => [id, source]))
  const answers = [cedar.preparseSchema('schema', set.schema), cedar.preparsePolicySet(action, { staticPolicies })]
  if (answers.some(({ type }) => type !== 'success')) throw new Error('a checked policy set could not be prepared')
  state.actions.add(action)
  return cedar
}
