import { randomUUID } from 'node:crypto'
import { type Bus, createPostgresBus, type OutboundRecord } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../instance/until.ts'
import { type Running, startRunning } from '../running.ts'
import { concreteOf, decide, exportIntent, typesOf } from '../stories.ts'

type Outcome = {
  readonly intentId?: string
  readonly state: string
  readonly code?: string
  readonly requestId?: string
}

let running: Running
let bus: Bus
const told: Outcome[] = []

beforeAll(async () => {
  running = await startRunning()
  // A producer that has no code of ours: it writes CloudEvents to its topics and reads its decisions.
  bus = createPostgresBus({ pool: running.superuser, log: () => undefined })
  await bus.subscribe({
    group: 'etl.spec',
    topics: [topics.decisions('etl')],
    handle: async ({ records }) => {
      for (const { value } of records)
        told.push((JSON.parse(Buffer.from(value ?? []).toString()) as { data: Outcome }).data)
      return 'done'
    },
  })
}, 120_000)
afterAll(async () => {
  await bus.close()
  await running.stop()
})

const write = (topic: string, key: string | null, value: unknown): Promise<void> => {
  const record: OutboundRecord = {
    topic,
    key,
    value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    headers: { 'content-type': 'application/cloudevents+json' },
  }
  return bus.publish([record])
}
const event = (id: string, type: string, data: object, more: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/etl/nightly',
  type: `dev.countersign.${type}.v1`,
  datacontenttype: 'application/json',
  ...more,
  data,
})
const outcome = (requestId: string, state: string): Promise<Outcome> =>
  until(async () => told.find((one) => one.requestId === requestId && one.state === state), {
    what: `${state} for ${requestId}`,
  })

describe('a producer on the bus', () => {
  it('asks, reads its decision, collects and redeems over HTTP, and reports', async () => {
    // The agent has a client of its own, which collects and redeems what its producer asked for.
    const body = exportIntent({ executor: { clientId: 'etl-bot' } })
    await write(topics.intents('etl'), 'orders', event('export-1', 'ActionIntent', body))
    const { intentId = '' } = await outcome('export-1', 'in_review')
    const { reviews } = (
      await running.call<{ reviews: { reviewId: string; intentId: string }[] }>('/v1/reviews', {
        token: running.tokens.ben,
      })
    ).body
    const { reviewId = '' } = reviews.find((review) => review.intentId === intentId) ?? {}
    const verdict = await decide(running, running.tokens.ben, reviewId, { verdict: 'approve', reason: 'checked' })
    expect(verdict.status, verdict.text).toBeLessThan(300)
    expect(await outcome('export-1', 'approved')).toEqual({ intentId, state: 'approved', requestId: 'export-1' })

    const grant = await running.client.collect(intentId)
    await running.client.redeem(grant, concreteOf(body))
    const report = { grantId: grant.grantId, executionId: randomUUID(), outcome: 'succeeded', rows: 12 }
    await write(topics.executions('etl'), intentId, event('ran-1', 'ExecutionReport', report, { subject: intentId }))
    await until(async () => (await running.client.read(intentId)).state === 'succeeded', { what: 'the report' })
    expect(await typesOf(running, intentId)).toEqual([
      'ActionIntentPublished',
      'PolicyEvaluated',
      'ReviewRequested',
      'VerdictRecorded',
      'ReviewApproved',
      'GrantIssued',
      'GrantRedeemed',
      'ExecutionSucceeded',
    ])
  })

  it('learns what was refused, by the id of its request or the digest of its record', async () => {
    await write(
      topics.intents('etl'),
      null,
      event('claims', 'ActionIntent', exportIntent({ agent: { name: 'somebody' } })),
    )
    expect(await outcome('claims', 'refused')).toEqual({
      state: 'refused',
      code: 'agent_not_yours',
      command: 'publish_intent',
      pointer: '/agent/name',
      requestId: 'claims',
    })
    await write(topics.intents('etl'), null, 'not json')
    const unreadable = await until(async () => told.find(({ code }) => code === 'invalid_json'), {
      what: 'the refusal',
    })
    expect(unreadable).toMatchObject({ state: 'refused', bytesDigest: expect.stringMatching(/^sha256:/) })
    const { body } = await running.call<{ records: object[] }>('/v1/quarantine', { token: running.tokens.ben })
    expect(body.records).toEqual([expect.objectContaining({ reason: 'invalid_json', topic: topics.intents('etl') })])
    expect(JSON.stringify(told)).not.toContain('token')
  })
})
