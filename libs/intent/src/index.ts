export { actionDifference, type BoundAction, type Difference, type GrantClaims } from './binding.ts'
export type {
  EvaluateIntent,
  ExpireGrant,
  ExpireIntent,
  IntentCommand,
  IssueGrant,
  MarkExecutionUnknown,
  PublishIntent,
  ReconcileExecution,
  RecordVerdict,
  RedeemGrant,
  ReportExecution,
  RevokeGrant,
  Standing,
  WithdrawIntent,
} from './commands.ts'
export { meetsDemand } from './assurance.ts'
export { decide, expiresAt, longestDeadlineMs, shortestDeadlineMs } from './decide.ts'
export { everySeatFilled, filledSeats } from './decide-review.ts'
export { evolve, foldIntent } from './evolve.ts'
export { fillSeats, seatCount, type Candidate, type FilledSeat } from './seats.ts'
export { exclusion } from './separation-of-duties.ts'
export type { KeyProof, ShownCertificate, ShownKey } from './key-proof.ts'
export { isBound, looksLikeBound } from './precondition.ts'
export {
  initialState,
  isPublished,
  isTerminal,
  terminalStatuses,
  type GrantState,
  type Intent,
  type IntentStatus,
  type IntentStream,
  type ReviewState,
} from './state.ts'
