import { definitionOf, fitsEvent, type EventData, type EventName, type RecordedEventOf } from '@countersign/contracts'

/** Ids that read well in a failing test: kind letter and number in the last group. */
export const id = (kind: number, n: number): string =>
  `0199${kind.toString(16).padStart(4, '0')}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

export const subjects = {
  etlBot: id(1, 1),
  runner: id(1, 2),
  dana: id(2, 1),
  ben: id(2, 2),
  cleo: id(2, 3),
} as const
export const tenantId = id(9, 1)

export const digest = (n: number) => `sha256:${n.toString(16).padStart(64, '0')}`
const start = Date.parse('2026-11-21T10:00:00.000Z')
const iso = (ms: number) => new Date(start + ms).toISOString()

export const endings = [
  'published',
  'allowed',
  'denied',
  'in review',
  'withdrawn',
  'expired',
  'review denied',
  'approved',
  'granted',
  'revoked',
  'grant expired',
  'redeemed',
  'succeeded',
  'allowed and succeeded',
  'failed',
  'unknown',
  'reconciled',
] as const
export type Ending = (typeof endings)[number]

export type LifeOptions = {
  readonly n: number
  readonly ending: Ending
  readonly tenantId?: string
  readonly action?: string
  readonly target?: string
  readonly environment?: string
  readonly agent?: string
  readonly reviewer?: string
  readonly model?: string
}

type Recorder = {
  readonly add: <Name extends EventName>(type: Name, data: EventData<Name>) => void
  readonly events: RecordedEventOf[]
}

/** Numbers the events of one intent as the store does: versions per stream, ids and times that only grow. */
export const recorder = (streamId: string, options: { n: number; tenantId?: string }): Recorder => {
  const versions: Record<string, number> = {}
  const events: RecordedEventOf[] = []
  return {
    events,
    add: (type, data) => {
      if (!fitsEvent(type, data)) throw new Error(`example of ${type} does not fit its schema`)
      const { kind, version: schemaVersion, owner } = definitionOf(type)
      const version = (versions[kind] ?? 0) + 1
      versions[kind] = version
      events.push({
        eventId: id(0xe, options.n * 100 + events.length),
        type,
        schemaVersion,
        tenantId: options.tenantId ?? tenantId,
        kind,
        streamId,
        version,
        data,
        metadata: { service: owner },
        recordedAt: iso(options.n * 1_000 + events.length * 10),
      } as RecordedEventOf)
    },
  }
}

/** Every event of one intent's life up to an ending, attempts among them. */
export const lifeOf = (options: LifeOptions): RecordedEventOf[] => {
  const {
    n,
    ending,
    action = 'data.export',
    target = 'customers -> s3://partner-eu',
    environment = 'production',
  } = options
  const { agent = subjects.etlBot, reviewer = subjects.ben, model = 'm-4' } = options
  const [intentId, reviewId, grantId] = [id(3, n), id(4, n), id(5, n)]
  const { add, events } = recorder(intentId, options)
  add('ActionIntentPublished', {
    intentId,
    producer: 'warehouse',
    agent: {
      subjectId: agent,
      name: agent === subjects.etlBot ? 'etl-bot' : 'runner',
      kind: 'agent',
      model: { name: model },
      session: `session-${n % 2}`,
    },
    requester: agent,
    executor: { subjectId: agent, clientId: 'warehouse' },
    onBehalfOf: subjects.cleo,
    owners: [subjects.dana],
    delegation: [],
    assertedParties: [],
    action,
    target,
    environment,
    payload: { sealedId: id(6, n), parametersCommitment: digest(1) },
    bindingVersion: 1,
    actionDigest: digest(2),
    requestFingerprint: `hmac-sha256:${'0'.repeat(64)}`,
    deadline: iso(3_600_000),
  })
  if (ending === 'published') return events
  const evaluated = (effect: 'allow' | 'deny' | 'review', rule: string) =>
    add('PolicyEvaluated', {
      intentId,
      policySetDigest: digest(3),
      engine: 'cedar-4',
      effect,
      reasons: [{ rule, effect }],
    })
  if (ending === 'denied') {
    evaluated('deny', 'never-delete-backups')
    add('IntentDenied', { intentId, code: 'policy_denied', rules: ['never-delete-backups'] })
    return events
  }
  const allowed = ending === 'allowed' || ending === 'allowed and succeeded'
  if (allowed) {
    evaluated('allow', 'reads-are-free')
    add('IntentAllowed', { intentId, rules: ['reads-are-free'], collectBefore: iso(600_000), grantTtlMs: 300_000 })
    if (ending === 'allowed') return events
  } else {
    const reviewed = review(options, { add, intentId, reviewId, reviewer, evaluated })
    if (!reviewed) return events
  }
  add('GrantIssued', {
    intentId,
    grantId,
    actionDigest: digest(2),
    executor: agent,
    credential: { kind: 'oauth_client', clientId: 'warehouse' },
    policySetDigest: digest(3),
    issuedAt: iso(n * 1_000),
    expiresAt: iso(n * 1_000 + 300_000),
  })
  if (ending === 'granted') return events
  if (ending === 'revoked') {
    add('GrantRevoked', { intentId, grantId, by: subjects.dana, cause: 'owner' })
    return events
  }
  if (ending === 'grant expired') {
    add('GrantExpired', { intentId, grantId, expiresAt: iso(300_000) })
    return events
  }
  add('GrantRefused', {
    intentId,
    grantId,
    step: 'redeem',
    code: 'binding_mismatch',
    pointer: '/target',
    by: agent,
    count: 1,
  })
  add('GrantRedeemed', {
    intentId,
    grantId,
    redemptionId: id(7, n),
    receiptId: id(8, n),
    actionDigest: digest(2),
    redeemedAt: iso(n * 1_000),
    reportBefore: iso(600_000),
  })
  if (ending === 'redeemed') return events
  const executionId = id(0xa, n)
  add('ExecutionStarted', { intentId, grantId, executionId })
  if (ending === 'failed') add('ExecutionFailed', { intentId, grantId, executionId, code: 'timeout', exitCode: 1 })
  else if (ending === 'unknown') add('ExecutionUnknown', { intentId, grantId, code: 'no_report' })
  else if (ending === 'reconciled') {
    add('ExecutionUnknown', { intentId, grantId, code: 'no_report' })
    add('ExecutionReconciled', { intentId, grantId, outcome: 'succeeded', by: subjects.dana })
  } else add('ExecutionSucceeded', { intentId, grantId, executionId, rows: 12_400 })
  return events
}

/** The reviewed part of a life; false when it ends there. */
const review = (
  { ending }: LifeOptions,
  {
    add,
    intentId,
    reviewId,
    reviewer,
    evaluated,
  }: {
    add: Recorder['add']
    intentId: string
    reviewId: string
    reviewer: string
    evaluated: (effect: 'review', rule: string) => void
  },
): boolean => {
  evaluated('review', 'exports-need-two-eyes')
  add('ReviewRequested', {
    intentId,
    reviewId,
    rules: ['exports-need-two-eyes'],
    seats: [{ group: 'data-owners', count: 1 }],
    deadline: iso(1_800_000),
    grantTtlMs: 300_000,
    excludedAuthors: [],
  })
  const shown = { intentId, reviewId, channel: 'slack', presentationDigest: digest(4) } as const
  add('ReviewPresented', { ...shown, actionDigest: digest(2), complete: true, reader: null })
  add('ReviewDelivered', shown)
  add('VerdictRefused', {
    intentId,
    reviewId,
    verdict: 'approve',
    person: subjects.dana,
    channel: 'slack',
    code: 'owner_of_agent',
    count: 1,
  })
  if (ending === 'in review') return false
  if (ending === 'withdrawn') {
    add('IntentWithdrawn', { intentId, by: subjects.dana })
    return false
  }
  if (ending === 'expired') {
    add('IntentExpired', { intentId, deadline: iso(1_800_000) })
    return false
  }
  add('VerdictRecorded', {
    intentId,
    reviewId,
    verdict: ending === 'review denied' ? 'deny' : 'approve',
    person: reviewer,
    account: { provider: 'slack', accountId: id(0xb, 1) },
    eligibleSeats: ['data-owners'],
    assurance: 'chat',
    channel: 'slack',
    actionDigest: digest(2),
    presentationDigest: digest(4),
  })
  if (ending === 'review denied') {
    add('ReviewDenied', { intentId, reviewId, by: reviewer })
    return false
  }
  add('ReviewApproved', {
    intentId,
    reviewId,
    seats: [{ group: 'data-owners', person: reviewer }],
    collectBefore: iso(1_800_000),
  })
  return ending !== 'approved'
}
