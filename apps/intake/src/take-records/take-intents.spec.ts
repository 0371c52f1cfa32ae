import { createHash } from 'node:crypto'
import { topics } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeOnBus, type IntakeOnBus, intentEvent, intentRecord } from './records.fixture.ts'

let at: IntakeOnBus
beforeAll(async () => {
  at = await intakeOnBus()
})
afterAll(() => at.close())

const published = () => at.events('ActionIntentPublished')
const refused = () => at.events('ActionIntentRefused')
/** Windows of the flood bound would make later tests see counts instead of events. */
const forgetFlood = () => at.superuser.query('delete from countersign.refusal_count')

describe('an intent on the bus', () => {
  it('is published for the client that is registered for the producer, with the id of its request', async () => {
    const event = intentEvent({ id: 'order-export-1' })
    await at.write(intentRecord(event))
    const [intent] = (await published()).filter(({ requestId }) => requestId === 'order-export-1')
    expect(intent).toMatchObject({ producer: 'etl', requestId: 'order-export-1', delegation: [], assertedParties: [] })
    expect(intent).toMatchObject({ executor: { clientId: 'etl' }, metadata: { producer: 'etl', service: 'intake' } })
    const { answer } = await at.call({ as: 'etl', method: 'GET', path: `/v1/intents/${String(intent?.['intentId'])}` })
    expect(answer).toMatchObject({ state: 'published', action: 'data.read' })
  })

  it('is one intent however often its record comes, within a batch and later', async () => {
    const record = intentRecord(intentEvent({ id: 'again-1' }))
    await at.write(record, record, record)
    await at.write(record)
    expect((await published()).filter(({ requestId }) => requestId === 'again-1')).toHaveLength(1)
  })

  it('is told apart by id and source: the same id of another source is another request', async () => {
    await at.write(
      intentRecord(intentEvent({ id: 'shared', source: '/a' })),
      intentRecord(intentEvent({ id: 'shared', source: '/b' })),
    )
    expect((await published()).filter(({ requestId }) => requestId === 'shared')).toHaveLength(2)
  })

  it('with the id of another request is refused, recorded and not published', async () => {
    await forgetFlood()
    await at.write(intentRecord(intentEvent({ id: 'taken-1' })))
    await at.write(intentRecord(intentEvent({ id: 'taken-1' }, { target: 'customers' })))
    expect((await published()).filter(({ requestId }) => requestId === 'taken-1')).toHaveLength(1)
    expect((await refused()).at(-1)).toMatchObject({
      code: 'id_conflict',
      carrier: 'bus',
      requestId: 'taken-1',
      count: 1,
    })
  })

  it('for an agent of another producer, or for none, is refused and recorded', async () => {
    await forgetFlood()
    await at.registers.agent({
      tenantId: at.tenantId,
      agent: 'rival-bot',
      kind: 'agent',
      producer: 'rival',
      issuer: at.issuer,
      clientId: null,
      ownerSubject: null,
      ownerGroup: null,
      changedBy: null,
      seeded: true,
    })
    const before = (await published()).length
    await at.write(
      intentRecord(intentEvent({ id: 'foreign-agent' }, { agent: { name: 'rival-bot' } })),
      intentRecord(intentEvent({ id: 'unknown-agent' }, { agent: { name: 'nobody' } })),
    )
    expect((await refused()).slice(-2)).toEqual([
      expect.objectContaining({ code: 'agent_not_yours', pointer: '/agent/name', requestId: 'foreign-agent' }),
      expect.objectContaining({ code: 'agent_not_yours', pointer: '/agent/name', requestId: 'unknown-agent' }),
    ])
    expect(await published()).toHaveLength(before)
  })

  it('may name whom it acts for, which only excludes them', async () => {
    await at.write(
      intentRecord(intentEvent({ id: 'for-olga' }, { onBehalfOf: { issuer: at.issuer, subject: 'olga' } })),
    )
    const [intent] = (await published()).filter(({ requestId }) => requestId === 'for-olga')
    expect(intent).toMatchObject({ onBehalfOf: at.operator, assertedParties: [at.operator], delegation: [] })
  })
})

const good = intentEvent()
const readable: readonly (readonly [name: string, record: () => ReturnType<typeof intentRecord>, told: object])[] = [
  [
    'B128 of an unknown type',
    () => intentRecord(intentEvent({ type: 'com.example.Order' })),
    { code: 'wrong_event_type', pointer: '/type' },
  ],
  [
    'B128 of a newer version',
    () => intentRecord(intentEvent({ type: 'dev.countersign.ActionIntent.v2' })),
    { code: 'wrong_event_type' },
  ],
  [
    'B136 of an internal type',
    () => intentRecord(intentEvent({ type: 'dev.countersign.ReviewApproved.v1' })),
    { code: 'wrong_event_type' },
  ],
  [
    'B136 of a grant',
    () => intentRecord(intentEvent({ type: 'dev.countersign.GrantIssued.v1' })),
    { code: 'wrong_event_type' },
  ],
  [
    'B128 of another specversion',
    () => intentRecord(intentEvent({ specversion: '2.0' })),
    { code: 'invalid_request', pointer: '/specversion' },
  ],
  [
    'B128 with a wrong field',
    () => intentRecord(intentEvent({}, { target: 7 })),
    { code: 'invalid_request', pointer: '/target' },
  ],
  [
    'B128 without a field',
    () => intentRecord(intentEvent({}, { action: undefined })),
    { code: 'invalid_request', pointer: '/action' },
  ],
  ['B128 with a field of its own', () => intentRecord(intentEvent({}, { approved: true })), { code: 'unknown_field' }],
  [
    'B135 with a tenant',
    () => intentRecord(intentEvent({ tenantid: '019d0c4e-7b00-7000-8000-000000000002' })),
    { code: 'unknown_field' },
  ],
  ['without data', () => intentRecord({ ...good, data: undefined }), { code: 'invalid_request', pointer: '/data' }],
  [
    'with a secret in a clear field',
    () => intentRecord(intentEvent({}, { target: 'AKIAIOSFODNN7EXAMPLE' })),
    { code: 'secret_in_field', pointer: '/target' },
  ],
  [
    'with a deadline in the past',
    () => intentRecord(intentEvent({}, { deadline: '2020-01-01T00:00:00Z' })),
    { code: 'deadline_invalid', pointer: '/deadline' },
  ],
]

describe('a readable record that is not taken', () => {
  it.each(readable)('%s is refused, recorded with its id and answered by its event', async (_name, record, told) => {
    await forgetFlood()
    const sent = record()
    const { id } = JSON.parse(Buffer.from(sent.value ?? []).toString()) as { id: string }
    const before = (await published()).length
    await at.write(sent)
    expect((await refused()).at(-1)).toMatchObject({
      ...told,
      producer: 'etl',
      carrier: 'bus',
      requestId: id,
      count: 1,
      metadata: { producer: 'etl' },
    })
    expect(await published()).toHaveLength(before)
  })

  it.each([
    ['without an id', undefined, 'invalid_request'],
    ['with a number as id', 7, 'invalid_request'],
    ['with an empty id', '', 'invalid_request'],
    ['with a secret as id', 'AKIAIOSFODNN7EXAMPLE', 'secret_in_field'],
    ['with invisible text in its id', 'a\u202Eb', 'hidden_text'],
    ['with an id that is too long', 'x'.repeat(256), 'invalid_request'],
  ])('%s is refused without repeating the id; the digest says which record it was', async (_name, id, code) => {
    await forgetFlood()
    const record = intentRecord(intentEvent({ id }))
    await at.write(record)
    const digest = `sha256:${createHash('sha256')
      .update(record.value ?? '')
      .digest('hex')}`
    const last = (await refused()).at(-1)
    expect(last).toMatchObject({ code, pointer: '/id', bytesDigest: digest, carrier: 'bus' })
    expect(last).not.toHaveProperty('requestId')
  })
})

const unreadable: readonly (readonly [name: string, record: () => ReturnType<typeof intentRecord>, code: string])[] = [
  ['B126 a tombstone', () => intentRecord(null), 'no_value'],
  ['B126 an empty value', () => intentRecord(''), 'no_value'],
  ['B127 text', () => intentRecord('hello'), 'invalid_json'],
  ['B127 Avro', () => intentRecord(Buffer.from([0, 0, 0, 0, 7, 12, 34])), 'invalid_json'],
  ['B127 gzip', () => intentRecord(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])), 'invalid_utf8'],
  ['B127 half of an event', () => intentRecord(JSON.stringify(good).slice(0, 80)), 'invalid_json'],
  ['an array', () => intentRecord('[]'), 'root_not_object'],
  ['a duplicate key', () => intentRecord('{"id":"a","id":"b"}'), 'duplicate_key'],
  ['a lone surrogate', () => intentRecord('{"id":"\\ud800"}'), 'lone_surrogate'],
  ['U+0000', () => intentRecord('{"id":"a\\u0000"}'), 'nul_character'],
  ['a number that changes', () => intentRecord('{"id":9007199254740993}'), 'number_not_exact'],
  ['a reserved key', () => intentRecord('{"__proto__":{}}'), 'forbidden_key'],
  ['too deep', () => intentRecord(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`), 'depth_exceeded'],
  ['larger than an intent may be', () => intentRecord(`{"a":"${'x'.repeat(300_000)}"}`), 'body_too_large'],
  ['without a content type', () => intentRecord(good, { headers: {} }), 'unsupported_media_type'],
  [
    'of another content type',
    () => intentRecord(good, { headers: { 'content-type': 'application/json' } }),
    'unsupported_media_type',
  ],
]

describe('a record that cannot be read', () => {
  it.each(unreadable)('%s goes into quarantine, is recorded and published nowhere', async (_name, record, code) => {
    await forgetFlood()
    const before = (await published()).length
    const sent = record()
    await at.write(sent)
    const digest = sent.value === null ? null : `sha256:${createHash('sha256').update(sent.value).digest('hex')}`
    const [row] = await at.rows<Record<string, unknown>>(
      'select * from intake.quarantined order by quarantine_id desc limit 1',
    )
    expect(row).toMatchObject({
      tenant_id: at.tenantId,
      producer: 'etl',
      topic: topics.intents('etl'),
      group_name: 'countersign.intake.etl',
      reason: code,
      bytes_digest: digest,
      byte_count: sent.value?.length ?? 0,
    })
    const isKept = (sent.value?.length ?? 0) > 0 && (sent.value?.length ?? 0) <= 262_144
    expect(row?.['sealed_id'] !== null).toBe(isKept)
    expect((await refused()).at(-1)).toMatchObject({ code, carrier: 'bus', count: 1 })
    const [notice] = await at.rows<{ value: Buffer }>(
      'select value from bus.log where topic = $1 order by position desc limit 1',
      [topics.quarantine],
    )
    expect(JSON.parse(String(notice?.value))).toMatchObject({
      hash: digest,
      reason: code,
      sealed: sent.value === null ? null : row?.['quarantine_id'],
    })
    expect(await published()).toHaveLength(before)
  })

  it('lets what follows it through, in order', async () => {
    await at.write(intentRecord('{'), intentRecord(intentEvent({ id: 'after-garbage' })))
    expect((await published()).filter(({ requestId }) => requestId === 'after-garbage')).toHaveLength(1)
  })
})

describe('headers and keys', () => {
  it.each([
    ['no key', { key: null }],
    [
      'B132 a thousand headers',
      {
        headers: {
          'content-type': 'application/cloudevents+json',
          ...Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`h-${index}`, 'x'])),
        },
      },
    ],
    [
      'B132 a reply topic',
      {
        headers: {
          'content-type': 'application/cloudevents+json',
          kafka_replyTopic: topics.events,
          kafka_correlationId: '1',
        },
      },
    ],
    [
      'B132 a forged traceparent',
      {
        headers: {
          'content-type': 'application/cloudevents+json',
          traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`,
        },
      },
    ],
  ])('%s changes nothing: the intent is published, and nothing else is written', async (_name, change) => {
    const event = intentEvent()
    const count = async () => Number((await at.rows<{ count: string }>('select count(*) from bus.log'))[0]?.count)
    const before = await count()
    await at.write(intentRecord(event, change))
    expect((await published()).filter(({ requestId }) => requestId === event.id)).toHaveLength(1)
    expect(await count()).toBe(before + 1)
  })
})
