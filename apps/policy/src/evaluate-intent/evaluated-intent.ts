import { randomBytes } from 'node:crypto'
import { sealedFactsPurpose, type SealedIntent } from '@countersign/contracts'
import { newId, type OpenedPayload, type PayloadToSeal, registerStream, type StreamRef } from '@countersign/event-store'
import type { EvaluateIntent, Intent } from '@countersign/intent'
import { evaluate, type Evaluation, factsOf, type LimitUse, type PolicySet } from '@countersign/policy-engine'
import { canonicalJson, commitment } from '@countersign/redaction'
import { limitTaker } from './limit-taker.ts'
import { authorsOf, type AuthoredChange } from './policy-authors.ts'

/** What the engine said about one intent, under which set, and the facts that are sealed with it. */
export type EvaluatedIntent = {
  /** The intent's, and one for each limit that allowing it takes from, so that those who take from it take turns. */
  readonly streams: readonly [StreamRef, ...StreamRef[]]
  readonly evaluation: Omit<EvaluateIntent, 'now' | 'type'>
  /** What it would take of limits, and with whom together. */
  readonly limits: readonly (LimitUse & { readonly taker: string })[]
  /** What is said when the limits of these rules leave no room. */
  readonly beyond: (rules: ReadonlySet<string>) => Omit<EvaluateIntent, 'now' | 'type'>
  readonly facts?: PayloadToSeal
}

export type EvaluationInput = {
  readonly ref: StreamRef
  readonly intent: Intent
  readonly sealed: OpenedPayload | undefined
  readonly set: PolicySet
  /** Changes of policy whose authors may not approve under them. */
  readonly changes: readonly AuthoredChange[]
  readonly collectWithinMs: number
}

/** A review can name so many; with fewer than there are, one of them could approve. */
const maxAuthors = 64
/** An intent's own deadline ends the review where no rule names one. */
const untilDeadlineMs = 30 * 86_400_000

/**
 * Evaluates an intent with its opened parameters. Parameters that can't be opened (their key was destroyed) leave rules
 * without what they may ask for: that is a deny.
 */
export const evaluateIntent = (input: EvaluationInput): EvaluatedIntent => {
  const { ref, intent, sealed, set, changes } = input
  const content =
    sealed?.status === 'open' ? (JSON.parse(sealed.plaintext.toString('utf8')) as SealedIntent) : undefined
  const published = intent.published
  const known = content === undefined ? undefined : factsOf(published, content)
  const evaluated = known === undefined ? undefined : evaluate(set, known)
  const salt = randomBytes(32).toString('base64url')
  const facts = evaluated?.facts
  const limits = (evaluated?.limits ?? []).map((use) => ({ ...use, taker: limitTaker(use.limit, published) }))
  const ids = { reviewId: newId(), sealedFactsId: newId() }
  const committed =
    facts === undefined ? {} : { factsCommitment: commitment(salt, facts), sealedFactsId: ids.sealedFactsId }
  const commandOf = (said: Omit<Evaluation, 'facts' | 'limits'>): EvaluatedIntent['evaluation'] => {
    const authors = said.effect === 'review' ? authorsOf(changes, { action: published.action, rules: said.rules }) : []
    const { effect, code, reasons, rules, seats, assurance, deadlineMs, grantTtlMs } =
      authors.length > maxAuthors ? deniedFor(said) : said
    return {
      reviewId: ids.reviewId,
      policySetDigest: set.digest,
      engine: set.engine,
      effect,
      ...(code === undefined ? {} : { code }),
      reasons,
      rules,
      seats,
      ...(assurance === undefined ? {} : { assurance }),
      reviewWithinMs: deadlineMs ?? untilDeadlineMs,
      collectWithinMs: input.collectWithinMs,
      grantTtlMs,
      excludedAuthors: effect === 'review' ? authors : [],
      ...committed,
    }
  }
  return {
    streams: [ref, ...limits.map(({ rule, taker }) => limitStream(ref.tenantId, rule, taker))],
    evaluation: commandOf(evaluated ?? unreadable),
    limits,
    beyond: (rules) => ({
      ...commandOf(known === undefined ? unreadable : evaluate(set, known, rules)),
      limitsReached: [...rules],
    }),
    ...(facts === undefined
      ? {}
      : {
          facts: {
            tenantId: ref.tenantId,
            streamId: ref.streamId,
            sealedId: ids.sealedFactsId,
            purpose: sealedFactsPurpose,
            plaintext: Buffer.from(canonicalJson({ salt, facts })),
          },
        }),
  }
}

const limitStream = (tenantId: string, rule: string, taker: string): StreamRef =>
  registerStream(tenantId, 'limit', JSON.stringify([rule, taker]))

const unreadable: Omit<Evaluation, 'facts' | 'limits'> = {
  effect: 'deny',
  code: 'policy_error',
  rules: [],
  reasons: [],
  seats: [],
  grantTtlMs: 300_000,
}

/** The same answer as a fault of the policy. */
const deniedFor = <E extends Omit<Evaluation, 'facts' | 'limits'>>(answer: E): E => ({
  ...answer,
  effect: 'deny',
  code: 'policy_error',
  seats: [],
})
