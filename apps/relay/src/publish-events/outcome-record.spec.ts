import { type EventName, OutcomeMessage, topics } from '@countersign/contracts'
import type { StoredEvent } from '@countersign/event-store'
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { outcomeRecord } from './outcome-record.ts'

const intentId = '01a1fd8c-6900-7282-abcb-c3f0a34a8a4a'
const outcome = Compile(OutcomeMessage)

const stored = (type: EventName, data: object, metadata: object = {}): StoredEvent =>
  ({
    eventId: '01a1fd8c-692d-725a-a63e-52a98f6fdaa6',
    type,
    kind: 'intent',
    streamId: intentId,
    version: 2,
    data,
    metadata: { service: 'intake', ...metadata },
    recordedAt: '2026-11-21T10:00:00.050Z',
  }) as unknown as StoredEvent

const told = (record: ReturnType<typeof outcomeRecord>) => {
  const value = JSON.parse(Buffer.from(record?.value ?? []).toString()) as { data: object }
  expect([...outcome.Errors(value)]).toEqual([])
  return { topic: record?.topic, key: record?.key, data: value.data }
}

describe('what a producer is told', () => {
  it('echoes the id of the request that made the intent', () => {
    const event = stored('IntentDenied', { intentId, code: 'policy_denied', rules: [] })
    expect(told(outcomeRecord(event, { producer: 'etl', requestId: 'order-1' }))).toEqual({
      topic: topics.decisions('etl'),
      key: intentId,
      data: { intentId, state: 'denied', code: 'policy_denied', requestId: 'order-1' },
    })
    expect(told(outcomeRecord(event, { producer: 'etl' })).data).not.toHaveProperty('requestId')
  })

  it('names the request, field and code of a refused record', () => {
    const data = {
      producer: 'etl',
      code: 'agent_not_yours',
      pointer: '/agent/name',
      carrier: 'bus',
      requestId: 'r1',
      count: 1,
    }
    expect(told(outcomeRecord(stored('ActionIntentRefused', data, { producer: 'etl' }), undefined))).toEqual({
      topic: topics.decisions('etl'),
      key: 'r1',
      data: {
        state: 'refused',
        code: 'agent_not_yours',
        command: 'publish_intent',
        pointer: '/agent/name',
        requestId: 'r1',
      },
    })
  })

  it('names the digest where the record has no id, and the number where one event stands for many', () => {
    const bytesDigest = `sha256:${'a'.repeat(64)}`
    const unreadable = stored(
      'ActionIntentRefused',
      { code: 'invalid_json', carrier: 'bus', bytesDigest, count: 1 },
      { producer: 'etl' },
    )
    expect(told(outcomeRecord(unreadable, undefined))).toMatchObject({ key: null, data: { bytesDigest } })
    const shed = stored(
      'ActionIntentRefused',
      { code: 'too_many_requests', carrier: 'bus', count: 812 },
      { producer: 'etl' },
    )
    expect(told(outcomeRecord(shed, undefined)).data).toEqual({
      state: 'refused',
      code: 'too_many_requests',
      command: 'publish_intent',
      count: 812,
    })
  })

  it('names the intent and the command of a refused report', () => {
    const data = {
      intentId,
      command: 'report_execution',
      code: 'not_redeemed',
      by: intentId,
      carrier: 'bus',
      requestId: 'r2',
      count: 1,
    }
    expect(told(outcomeRecord(stored('CommandRefused', data, { producer: 'etl' }), undefined))).toEqual({
      topic: topics.decisions('etl'),
      key: intentId,
      data: { intentId, state: 'refused', code: 'not_redeemed', command: 'report_execution', requestId: 'r2' },
    })
  })

  it('is nothing for a refusal that was answered over HTTP, nor for what is nobody’s outcome', () => {
    const overHttp = stored('ActionIntentRefused', { producer: 'etl', code: 'id_conflict', count: 1 })
    expect(outcomeRecord(overHttp, undefined)).toBeUndefined()
    expect(outcomeRecord(stored('GrantIssued', {}), { producer: 'etl' })).toBeUndefined()
    expect(outcomeRecord(stored('IntentDenied', {}), undefined)).toBeUndefined()
  })
})
