export { countersignGate } from './countersign-gate.ts'
export type {
  Ask,
  Cast,
  ConcreteAction,
  Credential,
  Gate,
  Grant,
  Outcome,
  PersonName,
  Proven,
  Recorded,
  Standing,
  Verdict,
} from './gate.ts'
export type { Guarantee, Trial } from './guarantee.ts'
export { guarantees } from './guarantees.ts'
export { junitOf } from './junit.ts'
export { checkGuarantee, type Result, runGuarantees, type RunOptions } from './run-guarantees.ts'
export { faults, type SeededFault } from './seeded-faults.ts'
export { type Exchange, type Reply, type Send, sendTo } from './send.ts'
export { trialPolicies } from './trial-policies.ts'
