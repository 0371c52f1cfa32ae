import type { StoredEvent } from '@countersign/event-store'
import type { RecordVerdict } from '@countersign/intent'
import type {
  Assurance,
  Channel,
  EventData,
  EventOf,
  RefusalCode,
  SealedSignature,
  VerdictChoice,
} from '@countersign/contracts'

/** Somebody's yes or no as a channel brings it, before anything about it was decided. */
export type VerdictAttempt = {
  readonly tenantId: string
  readonly intentId: string
  readonly reviewId: string
  readonly verdict: VerdictChoice
  /** Natural person behind the account; null when it is linked to nobody. */
  readonly person: string | null
  readonly account: EventData<'VerdictRecorded'>['account']
  /** OAuth client that was given the person's token; absent where no token is shown. */
  readonly client?: { readonly issuer: string; readonly clientId: string }
  readonly channel: Channel
  readonly assurance: Assurance
  /** When the person signed in, ISO 8601; undefined when nothing says so. */
  readonly authTime?: string | undefined
  /** Digest of what this person was shown. */
  readonly presentationDigest: string
  readonly reason: string | undefined
  /** What a security key signed of what was shown, verified. */
  readonly signature?: { readonly keyId: string; readonly evidence: Omit<SealedSignature, 'salt'> }
  /** On whose account refused attempts are counted. */
  readonly source: string
  /** Set by a channel that refuses the attempt itself and wants it recorded. */
  readonly refusedAs?: RefusalCode
}

/** Shortest reason for a no, without spaces around it. */
export const shortestReason = 3
export const longestReason = 2_000

/** A reason that says something, without halves of signs, which nothing can be committed to; undefined for one that does not. */
export const reasonOf = ({ verdict, reason }: Pick<VerdictAttempt, 'verdict' | 'reason'>): string | undefined => {
  const text = (reason ?? '').toWellFormed().trim()
  return text.length >= (verdict === 'deny' ? shortestReason : 1) ? text : undefined
}

const tooLate: ReadonlySet<string> = new Set<RefusalCode>([
  'review_expired',
  'review_closed',
  'intent_denied',
  'intent_expired',
  'intent_withdrawn',
  'intent_closed',
])

/** The event of a refused verdict: too late when the review was over, refused otherwise. */
export const refusedVerdict = (
  {
    intentId,
    reviewId,
    verdict,
    person,
    channel,
  }: Pick<VerdictAttempt, 'intentId' | 'reviewId' | 'verdict' | 'person' | 'channel'>,
  { code }: { readonly code: string },
): EventOf<'VerdictRefused' | 'VerdictTooLate'> => {
  const data = { intentId, reviewId, verdict, person, channel, code, count: 1 }
  return tooLate.has(code) ? { type: 'VerdictTooLate', data } : { type: 'VerdictRefused', data }
}

/**
 * What the attempts say this person was shown under that digest, through the channel that they decide on. What only others
 * read does not count.
 */
export const presentationShown = (
  attempts: readonly StoredEvent[],
  { reviewId, channel, person, presentationDigest }: VerdictAttempt,
): RecordVerdict['presentation'] => {
  for (const { type, data } of attempts) {
    if (type !== 'ReviewPresented' || data.reviewId !== reviewId || data.channel !== channel) continue
    if (data.presentationDigest !== presentationDigest || (data.reader !== null && data.reader !== person)) continue
    return { digest: data.presentationDigest, actionDigest: data.actionDigest, complete: data.complete }
  }
  return undefined
}
