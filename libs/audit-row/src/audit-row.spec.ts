import {
  eventDefinitions,
  fitsEvent,
  type EventData,
  type EventName,
  type RecordedEventOf,
} from '@countersign/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyEvent } from './any-event.fixture.ts'
import { intentContext, toAuditRow, type AuditRowOptions } from './audit-row.ts'
import type { IntentContext } from './meaning.ts'
import { ocsfErrors } from './spec-ocsf.ts'
import { toUnreadRow } from './unread-row.ts'

const context: IntentContext = {
  agent: '01990001-0000-7000-8000-000000000001',
  agentName: 'etl-bot',
  executor: '01990001-0000-7000-8000-000000000002',
  model: 'm-4',
  action: 'data.export',
  target: 'customers -> s3://partner-eu',
  environment: 'production',
  producer: 'warehouse',
}
const ledger = { origin: 'example.com/log/1', index: 73_894, leafHash: 'ab'.repeat(32) }
const optionSets: AuditRowOptions[] = [{}, { context }, { context, ledger, productVersion: '0.1.0' }]

const event = <Name extends EventName>(type: Name, data: EventData<Name>): RecordedEventOf => {
  if (!fitsEvent(type, data)) throw new Error(`example of ${type} does not fit`)
  const [sample] = fc.sample(anyEvent(type), { numRuns: 1, seed: 7 })
  return { ...sample, data } as unknown as RecordedEventOf
}
const [intentId, reviewId, grantId, person] = [1, 2, 3, 4].map((n) => `01990000-0000-7000-8000-00000000000${n}`) as [
  string,
  string,
  string,
  string,
]
const verdict = (code: string, choice: 'approve' | 'deny' = 'approve') =>
  toAuditRow(
    event('VerdictRefused', { intentId, reviewId, verdict: choice, person, channel: 'slack', code, count: 1 }),
    {
      context,
    },
  )

describe.each(eventDefinitions.map(({ name }) => name))('%s', (name) => {
  it('is a valid OCSF 1.8.0 row, whatever fits its schema', () => {
    fc.assert(
      fc.property(anyEvent(name), fc.constantFrom(...optionSets), (any, options) => {
        expect(fitsEvent(name, any.data)).toBe(true)
        const row = toAuditRow(any, options)
        expect(ocsfErrors(row)).toEqual([])
        expect(row.metadata.uid).toBe(any.eventId)
        expect(row.type_uid).toBe(row.class_uid * 100 + row.activity_id)
      }),
      { numRuns: 15 },
    )
  })
})

describe('an approval by somebody who may not give it', () => {
  it.each(['self_approval', 'owner_of_agent', 'in_delegation_chain', 'policy_author', 'not_eligible'])(
    'alerts with severity high and disposition unauthorized: %s',
    (code) => {
      expect(verdict(code)).toMatchObject({
        is_alert: true,
        severity_id: 4,
        action_id: 2,
        disposition_id: 26,
        status_id: 2,
        status_code: code,
      })
    },
  )

  it('is no alert where it is only late, stale or a denial', () => {
    expect(verdict('card_stale')).toMatchObject({ is_alert: false, severity_id: 2, disposition_id: 2 })
    expect(verdict('owner_of_agent', 'deny')).toMatchObject({ is_alert: false, disposition_id: 26 })
  })
})

it('shows the reviewer as actor, the channel as source and the agent only as a resource', () => {
  const [sample] = fc.sample(anyEvent('VerdictRecorded'), { numRuns: 1, seed: 3 })
  if (sample?.type !== 'VerdictRecorded') throw new Error('no sample')
  const data = { ...sample.data, verdict: 'approve', person, channel: 'teams', assurance: 'webauthn' } as const
  expect(toAuditRow({ ...sample, data }, { context })).toMatchObject({
    disposition_id: 8,
    actor: { user: { uid: person, has_mfa: true } },
    src_endpoint: { name: 'teams' },
    api: { operation: 'review.approve' },
    resources: [{ uid: context.target, role_id: 1 }, { uid: context.agent, role_id: 2 }, { name: 'm-4' }],
  })
})

it.each(['unknown_grant', 'not_redeemed'])(
  'alerts when a run is reported that nothing was redeemed for: %s',
  (code) => {
    const refused = (command: string) =>
      toAuditRow(event('CommandRefused', { intentId, command, code, by: person, count: 1 }), { context })
    expect(refused('report_execution')).toMatchObject({
      is_alert: true,
      severity_id: 4,
      disposition_id: 26,
      status_code: code,
      message: 'A run was reported without a redeemed grant.',
    })
    expect(refused('withdraw_intent')).toMatchObject({ is_alert: false, severity_id: 2 })
  },
)

it('alerts when a grant is used for something else, and names the field only', () => {
  const row = toAuditRow(
    event('GrantRefused', {
      intentId,
      grantId,
      step: 'redeem',
      code: 'binding_mismatch',
      pointer: '/target',
      by: person,
      count: 1,
    }),
    { context },
  )
  expect(row).toMatchObject({
    is_alert: true,
    severity_id: 4,
    status_code: 'binding_mismatch',
    status_detail: '/target',
  })
})

it('says by the verb what the execution did, and that it failed', () => {
  const of = (action: string) =>
    toAuditRow(event('ExecutionFailed', { intentId, grantId, executionId: reviewId, code: 'timeout' }), {
      context: { ...context, action },
    })
  expect(
    ['table.insert', 's3.get-object', 'iam.update_role', 'rds.delete_snapshot', 'x.y'].map(
      (action) => of(action).activity_id,
    ),
  ).toEqual([1, 2, 3, 4, 99])
  expect(of('x.y')).toMatchObject({ status_id: 2, status_code: 'timeout' })
})

it('lets a row be found in the log', () => {
  const row = toAuditRow(event('IntentDenied', { intentId, code: 'policy_denied', rules: [] }), { ledger })
  expect(row).toMatchObject({
    metadata: { log_name: ledger.origin, sequence: ledger.index, correlation_uid: intentId },
    raw_data_hash: { algorithm_id: 3, value: ledger.leafHash },
    unmapped: { ledger_index: '73894' },
  })
})

it('carries no commitment, payload reference or fingerprint', () => {
  fc.assert(
    fc.property(anyEvent('ActionIntentPublished'), (any) => {
      if (any.type !== 'ActionIntentPublished') return
      const text = JSON.stringify(toAuditRow(any))
      expect(text).not.toContain(any.data.payload.sealedId)
      expect(text).not.toContain(any.data.requestFingerprint)
      expect(toAuditRow(any).unmapped).toMatchObject({ target: intentContext(any).target })
    }),
    { numRuns: 20 },
  )
})

it('makes a valid, alerting row of an event that it cannot read, without its data', () => {
  const unread = {
    eventId: reviewId,
    wireType: 'dev.countersign.Unheard.v9',
    tenantId: person,
    kind: 'intent',
    streamId: intentId,
    recordedAt: '2026-11-22T10:00:00.000Z',
  } as const
  for (const row of [toUnreadRow(unread), toUnreadRow(unread, { ledger, productVersion: '0.1.0' })]) {
    expect(ocsfErrors(row)).toEqual([])
    expect(row).toMatchObject({ is_alert: true, severity_id: 3, metadata: { event_code: unread.wireType } })
  }
  expect(toUnreadRow(unread, { ledger })).toMatchObject({
    metadata: { uid: reviewId, sequence: ledger.index, correlation_uid: intentId },
    raw_data_hash: { value: ledger.leafHash },
  })
})
