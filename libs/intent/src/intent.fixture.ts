import type { EventData, IntentEvent } from '@countersign/contracts'
import type { GrantClaims } from './binding.ts'
import type { ShownKey } from './key-proof.ts'
import type { EvaluateIntent, IssueGrant, RecordVerdict, RedeemGrant, ReportExecution, Standing } from './commands.ts'

/** People, ids and commands that the specs share. Time is in minutes from noon. */
const id = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
export const at = (minutes: number): string => new Date(Date.UTC(2026, 10, 20, 12) + minutes * 60_000).toISOString()
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`

export const people = {
  agent: id(1),
  dana: id(2),
  ben: id(3),
  cora: id(4),
  erin: id(5),
  mallory: id(6),
  client: id(7),
  partner: id(8),
} as const
export const ids = {
  intent: id(100),
  review: id(101),
  grant: id(102),
  redemption: id(103),
  receipt: id(104),
  execution: id(105),
  account: id(106),
} as const
export const digests = {
  action: digest('a'),
  other: digest('b'),
  card: digest('c'),
  policy: digest('d'),
  reason: digest('e'),
} as const

export const published = (
  change: Partial<EventData<'ActionIntentPublished'>> = {},
): EventData<'ActionIntentPublished'> => ({
  intentId: ids.intent,
  producer: 'etl',
  agent: { subjectId: people.agent, name: 'etl-bot', kind: 'agent' },
  requester: people.client,
  executor: { subjectId: people.client, clientId: 'etl-bot' },
  onBehalfOf: null,
  owners: [people.dana],
  delegation: [],
  assertedParties: [],
  action: 'data.export',
  target: 's3://partner-eu',
  environment: 'production',
  payload: { sealedId: id(107), parametersCommitment: digest('1') },
  bindingVersion: 1,
  actionDigest: digests.action,
  requestFingerprint: `hmac-sha256:${'2'.repeat(64)}`,
  deadline: at(60),
  ...change,
})

export const intentPublished = (change: Partial<EventData<'ActionIntentPublished'>> = {}): IntentEvent => ({
  type: 'ActionIntentPublished',
  data: published(change),
})

const groups: Standing['groupsOf'] = new Map<string, readonly string[]>([
  [people.ben, ['data-owners']],
  [people.cora, ['data-owners', 'security']],
  [people.dana, ['data-owners']],
  [people.erin, ['security']],
  [people.mallory, []],
  [people.partner, ['data-owners']],
])

/** Ben and Cora are data owners, Erin is in security; Dana owns the agent and is a data owner too. All have long been. */
export const standing = (change: Partial<Standing> = {}): Standing => ({
  owners: [people.dana],
  groupsOf: groups,
  heldWhenAsked: change.groupsOf ?? groups,
  unreviewedAuthors: [],
  ...change,
})

export const evaluate = (
  effect: 'allow' | 'deny' | 'review',
  change: Partial<EvaluateIntent> = {},
): EvaluateIntent => ({
  type: 'EvaluateIntent',
  now: at(1),
  reviewId: ids.review,
  policySetDigest: digests.policy,
  engine: 'cedar-4.13.0',
  effect,
  reasons: [],
  rules: ['exports-need-a-data-owner'],
  seats: effect === 'review' ? [{ group: 'data-owners', count: 1 }] : [],
  reviewWithinMs: 30 * 60_000,
  collectWithinMs: 15 * 60_000,
  grantTtlMs: 5 * 60_000,
  excludedAuthors: [],
  ...change,
})

export const verdict = (
  person: string | null,
  choice: 'approve' | 'deny' = 'approve',
  change: Partial<RecordVerdict> = {},
): RecordVerdict => ({
  type: 'RecordVerdict',
  now: at(2),
  reviewId: ids.review,
  verdict: choice,
  person,
  account: { provider: 'slack', accountId: ids.account },
  channel: 'slack',
  assurance: 'chat',
  presentation: { digest: digests.card, actionDigest: digests.action, complete: true },
  reasonCommitment: digests.reason,
  collectWithinMs: 15 * 60_000,
  standing: standing(),
  ...change,
})

const request = { method: 'POST', url: 'https://countersign.example/v1', accessTokenDigest: 'token' } as const

/** A request that shows no key, where none is registered. */
export const keyless: ShownKey = { proof: undefined, request, registered: undefined }

/** A request with a proof that holds in every way. */
export const keyed = (
  thumbprint: string,
  change: Partial<Exclude<ShownKey['proof'], 'invalid' | undefined>> = {},
  registered?: string,
): ShownKey => ({
  proof: { thumbprint, issuedAt: at(3), ...request, isReplayed: false, ...change },
  request,
  registered,
})

export const collect = (change: Partial<IssueGrant> = {}): IssueGrant => ({
  type: 'IssueGrant',
  now: at(3),
  grantId: ids.grant,
  executor: people.client,
  clientId: 'etl-bot',
  key: keyless,
  denies: { policySetDigest: digests.policy, denied: false, rules: [] },
  frozen: false,
  outdated: false,
  standing: standing(),
  ...change,
})

export const tenantId = id(110)

/** What the token of the grant says when it is the one that was issued. */
export const claims = (change: Partial<GrantClaims> = {}): GrantClaims => ({
  bindingVersion: 1,
  grantId: ids.grant,
  tenant: tenantId,
  intentId: ids.intent,
  agent: people.agent,
  onBehalfOf: null,
  executor: people.client,
  clientId: 'etl-bot',
  action: 'data.export',
  target: 's3://partner-eu',
  environment: 'production',
  actionDigest: digests.action,
  keyThumbprint: undefined,
  certificateThumbprint: undefined,
  ...change,
})

export const redeem = (change: Partial<RedeemGrant> = {}): RedeemGrant => ({
  type: 'RedeemGrant',
  now: at(4),
  tenantId,
  grantId: ids.grant,
  executor: people.client,
  clientId: 'etl-bot',
  key: keyless,
  claims: claims(),
  redemptionId: ids.redemption,
  receiptId: ids.receipt,
  presentedDigest: digests.action,
  frozen: false,
  outdated: false,
  reportWithinMs: 10 * 60_000,
  ...change,
})

export const report = (
  outcome: 'started' | 'succeeded' | 'failed',
  change: Partial<ReportExecution> = {},
): ReportExecution => ({
  type: 'ReportExecution',
  now: at(5),
  grantId: ids.grant,
  executionId: ids.execution,
  executor: people.client,
  clientId: 'etl-bot',
  outcome,
  result: {},
  ...change,
})
