import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Code, Digest, GroupName, IsoTime, RuleId, ShortName, Subjects, Uuid } from './primitives.ts'
import { AssuranceDemand } from './review.schema.ts'

export const Effect = Type.Union([Type.Literal('allow'), Type.Literal('deny'), Type.Literal('review')])
export type Effect = Type.Static<typeof Effect>

export const Seat = closed(
  { group: GroupName, count: Type.Integer({ minimum: 1, maximum: 8 }) },
  'Seats to fill: so many distinct people of a group',
)
export type Seat = Type.Static<typeof Seat>

export const Reason = closed({ rule: RuleId, effect: Effect, text: Type.Optional(Type.String({ maxLength: 256 })) })
export type Reason = Type.Static<typeof Reason>

export const PolicyEvaluated = event({
  name: 'PolicyEvaluated',
  version: 1,
  kind: 'intent',
  owner: 'policy',
  ownerFolder: 'policy/evaluate-intent',
  consumers: [],
  noConsumerBecause: 'its outcome is an event of its own in the same append',
  data: closed({
    intentId: Uuid,
    policySetDigest: Digest,
    engine: ShortName,
    effect: Effect,
    code: Type.Optional(Code),
    reasons: Type.Array(Reason, { maxItems: 32 }),
    factsCommitment: Type.Optional(Digest),
    sealedFactsId: Type.Optional(Uuid),
    limitsReached: Type.Optional(
      Type.Array(RuleId, {
        maxItems: 512,
        description: 'Rules whose limit left no room; the decision replays with them',
      }),
    ),
  }),
})

export const IntentAllowed = event({
  name: 'IntentAllowed',
  version: 1,
  kind: 'intent',
  owner: 'policy',
  ownerFolder: 'policy/evaluate-intent',
  consumers: ['intake/issue-grant'],
  data: closed({
    intentId: Uuid,
    rules: Type.Array(RuleId, { maxItems: 32 }),
    collectBefore: IsoTime,
    grantTtlMs: Type.Integer({ minimum: 1_000, maximum: 900_000 }),
  }),
})

export const IntentDenied = event({
  name: 'IntentDenied',
  version: 1,
  kind: 'intent',
  owner: 'policy',
  ownerFolder: 'policy/evaluate-intent',
  consumers: ['intake/read-intent'],
  data: closed({ intentId: Uuid, code: Code, rules: Type.Array(RuleId, { maxItems: 32 }) }),
})

export const ReviewRequested = event({
  name: 'ReviewRequested',
  version: 1,
  kind: 'intent',
  owner: 'policy',
  ownerFolder: 'policy/evaluate-intent',
  consumers: ['notifier/present-review'],
  data: closed({
    intentId: Uuid,
    reviewId: Uuid,
    rules: Type.Array(RuleId, { maxItems: 32 }),
    seats: Type.Array(Seat, { minItems: 1, maxItems: 8 }),
    assurance: Type.Optional(AssuranceDemand),
    deadline: IsoTime,
    grantTtlMs: Type.Integer({ minimum: 1_000, maximum: 900_000 }),
    excludedAuthors: Type.Array(Uuid, {
      maxItems: 64,
      description: 'Who changed the determining policy without a review yet',
    }),
    requestedAt: Type.Optional(IsoTime),
  }),
})

export const IntentExpired = event({
  name: 'IntentExpired',
  version: 1,
  kind: 'intent',
  owner: 'policy',
  ownerFolder: 'policy/expire-intent',
  consumers: ['notifier/present-review'],
  data: closed({ intentId: Uuid, deadline: IsoTime }),
})

export const PolicySetActivated = event({
  name: 'PolicySetActivated',
  version: 1,
  kind: 'register',
  owner: 'policy',
  ownerFolder: 'policy/activate-policy-set',
  consumers: ['policy/evaluate-intent'],
  data: closed({
    digest: Digest,
    previousDigest: Type.Union([Digest, Type.Null()]),
    activatedBy: Type.Union([Uuid, Type.Null()]),
    seeded: Type.Boolean({ description: 'Part of the first start; counts as reviewed' }),
    ruleCount: Type.Integer({ minimum: 0 }),
    changedRules: Type.Array(RuleId, { maxItems: 512 }),
    subjects: Subjects,
  }),
})

export const PolicySetRefused = event({
  name: 'PolicySetRefused',
  version: 1,
  kind: 'register',
  owner: 'policy',
  ownerFolder: 'policy/activate-policy-set',
  consumers: [],
  noConsumerBecause: 'evidence of an attempt; the last good set stays active',
  data: closed({
    digest: Digest,
    by: Type.Union([Uuid, Type.Null()]),
    code: Code,
    problemCount: Type.Integer({ minimum: 1 }),
  }),
})
