import type { AssuranceDemand, EventData, Seat } from '@countersign/contracts'
import type { BoundKeys } from './key-proof.ts'

export type IntentStatus =
  | 'published'
  | 'in_review'
  | 'allowed'
  | 'approved'
  | 'denied'
  | 'withdrawn'
  | 'expired'
  | 'granted'
  | 'redeemed'
  | 'revoked'
  | 'grant_expired'
  | 'succeeded'
  | 'failed'
  | 'unknown'
  | 'reconciled'

/** One verdict that counted. */
export type CountedVerdict = {
  readonly person: string
  readonly verdict: 'approve' | 'deny'
  readonly accountId: string
}

export type ReviewState = {
  readonly reviewId: string
  readonly seats: readonly Seat[]
  /** What a yes has to prove; absent when a chat account is enough. */
  readonly assurance?: AssuranceDemand
  readonly deadline: string
  /** Absent in reviews that were asked for before this was recorded. */
  readonly requestedAt?: string
  readonly grantTtlMs: number
  readonly excludedAuthors: readonly string[]
  readonly verdicts: readonly CountedVerdict[]
}

/** The keys are absent for a grant that is bound to the client alone. */
export type GrantState = BoundKeys & {
  readonly grantId: string
  readonly executor: string
  readonly clientId: string
  readonly issuedAt: string
  readonly expiresAt: string
  readonly redemption?: {
    readonly redemptionId: string
    readonly receiptId: string
    readonly redeemedAt: string
    readonly reportBefore: string
  }
}

/** How an execution ended; of a success it has no code. */
export type ExecutionResult = Pick<EventData<'ExecutionSucceeded'>, 'exitCode' | 'rows' | 'bytes' | 'resultDigest'> & {
  readonly code?: string
}

/** An intent as its stream tells it. Everything in it comes from events. */
export type Intent = {
  readonly status: IntentStatus
  readonly published: EventData<'ActionIntentPublished'>
  readonly evaluation?: EventData<'PolicyEvaluated'>
  readonly collectBefore?: string
  readonly grantTtlMs?: number
  readonly review?: ReviewState
  readonly grant?: GrantState
  readonly execution?: {
    readonly executionId: string
    readonly started: boolean
    /** What the executor told of its end. */
    readonly result?: ExecutionResult
  }
  /** Who said how it ended, after nobody had in time. */
  readonly reconciled?: { readonly by: string; readonly outcome: 'succeeded' | 'failed' }
}

/** No event yet. */
export type Unborn = { readonly status: 'unborn' }
/** The stream holds an event this version does not know: nothing may be decided. */
export type Unreadable = { readonly status: 'unreadable' }

export type IntentStream = Intent | Unborn | Unreadable

export const initialState: Unborn = { status: 'unborn' }

/** States from which nothing leads on. */
export const terminalStatuses = [
  'denied',
  'withdrawn',
  'expired',
  'revoked',
  'grant_expired',
  'succeeded',
  'failed',
  'reconciled',
] as const satisfies readonly IntentStatus[]

export const isPublished = (state: IntentStream): state is Intent =>
  state.status !== 'unborn' && state.status !== 'unreadable'

export const isTerminal = (state: IntentStream): boolean =>
  (terminalStatuses as readonly string[]).includes(state.status)
