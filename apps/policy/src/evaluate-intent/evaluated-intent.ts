import { randomBytes } from 'node:crypto'
import { sealedFactsPurpose, type SealedIntent } from '@countersign/contracts'
import { newId, type OpenedPayload, type PayloadToSeal, type StreamRef } from '@countersign/event-store'
import type { EvaluateIntent, Intent } from '@countersign/intent'
import { evaluate, type Evaluation, factsOf, type PolicySet } from '@countersign/policy-engine'
import { canonicalJson, commitment } from '@countersign/redaction'
import { authorsOf, type AuthoredChange } from './policy-authors.ts'

/** What the engine said about one intent, under which set, and the facts that are sealed with it. */
export type EvaluatedIntent = {
  readonly streams: readonly [StreamRef]
  readonly evaluation: Omit<EvaluateIntent, 'now' | 'type'>
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
  const answer = content === undefined ? unreadable : evaluate(set, factsOf(intent.published, content))
  const { action } = intent.published
  const excludedAuthors = answer.effect === 'review' ? authorsOf(changes, { action, rules: answer.rules }) : []
  const evaluation = excludedAuthors.length > maxAuthors ? deniedFor(answer) : answer
  const salt = randomBytes(32).toString('base64url')
  const facts = 'facts' in evaluation ? evaluation.facts : undefined
  const sealedFactsId = newId()
  return {
    streams: [ref],
    evaluation: {
      reviewId: newId(),
      policySetDigest: set.digest,
      engine: set.engine,
      effect: evaluation.effect,
      ...(evaluation.code === undefined ? {} : { code: evaluation.code }),
      reasons: evaluation.reasons,
      rules: evaluation.rules,
      seats: evaluation.seats,
      ...(evaluation.assurance === undefined ? {} : { assurance: evaluation.assurance }),
      reviewWithinMs: evaluation.deadlineMs ?? untilDeadlineMs,
      collectWithinMs: input.collectWithinMs,
      grantTtlMs: evaluation.grantTtlMs,
      excludedAuthors: evaluation.effect === 'review' ? excludedAuthors : [],
      ...(facts === undefined ? {} : { factsCommitment: commitment(salt, facts), sealedFactsId }),
    },
    ...(facts === undefined
      ? {}
      : {
          facts: {
            tenantId: ref.tenantId,
            streamId: ref.streamId,
            sealedId: sealedFactsId,
            purpose: sealedFactsPurpose,
            plaintext: Buffer.from(canonicalJson({ salt, facts })),
          },
        }),
  }
}

const unreadable: Omit<Evaluation, 'facts'> = {
  effect: 'deny',
  code: 'policy_error',
  rules: [],
  reasons: [],
  seats: [],
  grantTtlMs: 300_000,
}

/** The same answer as a fault of the policy. */
const deniedFor = <E extends Omit<Evaluation, 'facts'>>(answer: E): E => ({
  ...answer,
  effect: 'deny',
  code: 'policy_error',
  seats: [],
})
