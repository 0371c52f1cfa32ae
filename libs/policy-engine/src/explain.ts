import type { Context } from '@cedar-policy/cedar-wasm/nodejs'
import { evaluate, scopeOf, type Evaluation } from './evaluate.ts'
import { contextOf, type Facts } from './facts.ts'
import { openCedar } from './cedar.ts'
import { rulesFor, type PolicySet, type Rule } from './policy-set.ts'

export type RuleOutcome = Pick<Rule, 'id' | 'effect' | 'file' | 'line' | 'text'> & {
  readonly outcome: 'applies' | 'does_not_apply' | 'error'
  /** Whether the decision names it. */
  readonly determines: boolean
}

/**
 * Why a decision came out as it did: each rule that could speak about the action, alone. Slow on purpose (one
 * evaluation per rule on an engine of its own); not for the path of a decision.
 */
export const explain = (set: PolicySet, facts: Facts): { decision: Evaluation; rules: RuleOutcome[] } => {
  const decision = evaluate(set, facts)
  const declared = set.contexts.get(facts.action)
  const context = declared && contextOf(facts, declared)
  if (context === undefined || !context.fits) return { decision, rules: [] }
  const cedar = openCedar()
  const rules = rulesFor(set, facts.action).map((rule): RuleOutcome => {
    const answer = cedar.isAuthorized({
      ...scopeOf(facts),
      context: context.value as Context,
      entities: [],
      schema: set.schema,
      validateRequest: true,
      policies: { staticPolicies: { [rule.id]: rule.source } },
    })
    const response = answer.type === 'success' ? answer.response : undefined
    const outcome =
      response === undefined || response.diagnostics.errors.length > 0
        ? 'error'
        : response.diagnostics.reason.includes(rule.id)
          ? 'applies'
          : 'does_not_apply'
    const { id, effect, file, line, text } = rule
    return {
      id,
      effect,
      file,
      ...(line === undefined ? {} : { line }),
      ...(text === undefined ? {} : { text }),
      outcome,
      determines: decision.rules.includes(id),
    }
  })
  return { decision, rules }
}
