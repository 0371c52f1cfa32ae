import type {
  Assurance,
  AssuranceDemand,
  Channel,
  EventData,
  Reason,
  Seat,
  SeatOnOneWord,
  SubjectIntroduction,
  VerdictSignature,
} from '@countersign/contracts'
import type { Difference, GrantClaims } from './binding.ts'
import type { ShownKey } from './key-proof.ts'

/** `now` in every command is the database's clock, ISO 8601. */
type At = { readonly now: string }

export type PublishIntent = At & { readonly type: 'PublishIntent'; readonly intent: EventData<'ActionIntentPublished'> }

/** What the policy engine said, with what the service adds to it. */
export type EvaluateIntent = At & {
  readonly type: 'EvaluateIntent'
  readonly reviewId: string
  readonly policySetDigest: string
  readonly engine: string
  readonly effect: 'allow' | 'deny' | 'review'
  readonly code?: string
  readonly reasons: readonly Reason[]
  readonly rules: readonly string[]
  readonly seats: readonly Seat[]
  readonly assurance?: AssuranceDemand
  readonly reviewWithinMs: number
  readonly collectWithinMs: number
  readonly grantTtlMs: number
  readonly excludedAuthors: readonly string[]
  readonly factsCommitment?: string
  readonly sealedFactsId?: string
  /** Rules whose limit left no room for this intent. */
  readonly limitsReached?: readonly string[]
}

/** What the registers say at this moment; read in the transaction of the decision. */
export type Standing = {
  /** Owners of agent, parent agents and producer, now and in the 7 days before, groups expanded to people. */
  readonly owners: readonly string[]
  /** Groups that each person who gave or gives a verdict holds now; who is inactive is absent. */
  readonly groupsOf: ReadonlyMap<string, readonly string[]>
  /** The ones among them that they have held without a break since before the review was asked for. */
  readonly heldWhenAsked: ReadonlyMap<string, readonly string[]>
  /** Groups of the seats that one person has put them into, and no other has reviewed: they hold none of them yet. */
  readonly awaitingReview?: ReadonlyMap<string, readonly string[]>
  /** Who changed the determining policy, a seat's group or the agent without another person's review. */
  readonly unreviewedAuthors: readonly string[]
  /** Who among them is no human being: shared accounts and programs. */
  readonly notHuman?: readonly string[]
  /** Who else some of them are: the same natural person at another identity provider. */
  readonly alsoKnownAs?: ReadonlyMap<string, readonly string[]>
  /** Who put them into a group of the seats on their word alone, as long as no other person has reviewed it. */
  readonly seatedBy?: ReadonlyMap<string, readonly string[]>
  /** Seats of some of them that rest on one person's word, reviewed or not: a verdict says so. */
  readonly onOneWord?: ReadonlyMap<string, readonly SeatOnOneWord[]>
  /** The token with which somebody decides was given to a program, which holds it. */
  readonly throughProgram?: boolean
  /** The directory may not be what it was any more: nothing is decided by it. */
  readonly directoryStale?: boolean
}

export type RecordVerdict = At & {
  readonly type: 'RecordVerdict'
  readonly reviewId: string
  readonly verdict: 'approve' | 'deny'
  /** Natural person behind the account; null when the account is linked to nobody. */
  readonly person: string | null
  readonly account: EventData<'VerdictRecorded'>['account']
  readonly channel: Channel
  readonly assurance: Assurance
  /** When the person signed in; absent when nothing says so. */
  readonly authTime?: string
  /** What was shown to this reviewer, as ReviewPresented recorded it; undefined when no such presentation is known. */
  readonly presentation?: { readonly digest: string; readonly actionDigest: string; readonly complete: boolean }
  readonly reasonCommitment?: string
  readonly sealedReasonId?: string
  /** Of a security key, over the action digest and the presentation digest. */
  readonly signature?: VerdictSignature
  readonly subjects?: readonly SubjectIntroduction[]
  readonly collectWithinMs: number
  readonly standing: Standing
}

export type WithdrawIntent = At & { readonly type: 'WithdrawIntent'; readonly by: string }
export type ExpireIntent = At & { readonly type: 'ExpireIntent' }

export type IssueGrant = At & {
  readonly type: 'IssueGrant'
  readonly grantId: string
  readonly executor: string
  readonly clientId: string
  readonly key: ShownKey
  /** The denies of the active set, evaluated again. */
  readonly denies: { readonly policySetDigest: string; readonly denied: boolean; readonly rules: readonly string[] }
  readonly frozen: boolean
  /** The intent is from an earlier incarnation of the store: what became of it may have been lost. */
  readonly outdated: boolean
  readonly standing: Standing
}

export type RedeemGrant = At & {
  readonly type: 'RedeemGrant'
  readonly tenantId: string
  readonly grantId: string
  readonly executor: string
  readonly clientId: string
  readonly key: ShownKey
  /** What the presented token says; undefined for one that this deployment did not sign. */
  readonly claims: GrantClaims | undefined
  readonly redemptionId: string
  readonly receiptId: string
  /** Action digest recomputed from what the executor is about to run. */
  readonly presentedDigest: string
  /** The digest as the executor computed it, where it says so. */
  readonly statedDigest?: string
  /** The first field that differs from the sealed original. */
  readonly differs?: Difference
  readonly frozen: boolean
  /** The intent is from an earlier incarnation of the store: it may have been redeemed there. */
  readonly outdated: boolean
  readonly reportWithinMs: number
}

export type RevokeGrant = At & {
  readonly type: 'RevokeGrant'
  readonly grantId: string
  readonly by: string
  readonly cause: EventData<'GrantRevoked'>['cause']
}

export type ExpireGrant = At & { readonly type: 'ExpireGrant' }

export type ReportExecution = At & {
  readonly type: 'ReportExecution'
  readonly grantId: string
  readonly executionId: string
  readonly executor: string
  readonly clientId: string
  /** Whose topic the report came on; absent for one that the executor made itself. */
  readonly producer?: string
  readonly outcome: 'started' | 'succeeded' | 'failed'
  readonly code?: string
  readonly result: Pick<EventData<'ExecutionSucceeded'>, 'exitCode' | 'rows' | 'bytes' | 'resultDigest'>
}

export type MarkExecutionUnknown = At & { readonly type: 'MarkExecutionUnknown' }

export type ReconcileExecution = At & {
  readonly type: 'ReconcileExecution'
  readonly by: string
  readonly outcome: 'succeeded' | 'failed'
}

export type IntentCommand =
  | PublishIntent
  | EvaluateIntent
  | RecordVerdict
  | WithdrawIntent
  | ExpireIntent
  | IssueGrant
  | RedeemGrant
  | RevokeGrant
  | ExpireGrant
  | ReportExecution
  | MarkExecutionUnknown
  | ReconcileExecution
