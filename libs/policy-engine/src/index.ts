export { type Decision } from './combine.ts'
export { parseDurationMs } from './duration.ts'
export { deniesOnly, evaluate, type Evaluation } from './evaluate.ts'
export { explain, type RuleOutcome } from './explain.ts'
export { factsOf, type Facts } from './facts.ts'
export { isBeyond, type Limit, type LimitScope, type LimitUse, windowStart } from './limit.ts'
export { acceptedPolicySet, loadPolicySet, policyLimits, type LoadedPolicySet } from './load-policy-set.ts'
export {
  type PolicyProblem,
  type PolicyProblemCode,
  type PolicySet,
  type PolicySource,
  type Rule,
} from './policy-set.ts'
