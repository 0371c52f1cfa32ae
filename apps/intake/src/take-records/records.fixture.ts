import { randomUUID } from 'node:crypto'
import type { Bus, OutboundRecord } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { type IntakeBusOptions, intakeOverHttp } from '../intake-http.fixture.ts'
import { groupOfProducer } from './producer-topics.ts'

const contentType = { 'content-type': 'application/cloudevents+json; charset=UTF-8' }

/** A CloudEvent with an intent, as a producer writes it. */
export const intentEvent = (
  change: Readonly<Record<string, unknown>> = {},
  data: Readonly<Record<string, unknown>> = {},
) => ({
  specversion: '1.0',
  id: randomUUID(),
  source: '/etl',
  type: 'dev.countersign.ActionIntent.v1',
  datacontenttype: 'application/json',
  data: {
    agent: { name: 'etl-bot' },
    action: 'data.read',
    target: 'orders',
    environment: 'production',
    parameters: { table: 'orders' },
    ...data,
  },
  ...change,
})

/** A record of a producer's intents topic; text and bytes are sent as they are, anything else as JSON. */
export const intentRecord = (value: unknown, change: Partial<OutboundRecord> = {}): OutboundRecord => ({
  topic: topics.intents('etl'),
  key: 'any key',
  value: bytesOf(value),
  headers: contentType,
  ...change,
})

export const reportRecord = (value: unknown, change: Partial<OutboundRecord> = {}): OutboundRecord =>
  intentRecord(value, { topic: topics.executions('etl'), ...change })

const bytesOf = (value: unknown): Uint8Array | null => {
  if (value === null || value instanceof Uint8Array) return value
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

/** Resolves when the group has settled all that was published. */
export const settled = async (bus: Bus, producer: string): Promise<void> => {
  for (;;) {
    const lag = await bus.lag(groupOfProducer(producer))
    if (lag.length > 0 && lag.every(({ records }) => records === 0)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A report of an execution, as a producer writes it. */
export const reportEvent = (
  subject: string,
  data: Readonly<Record<string, unknown>>,
  change: Readonly<Record<string, unknown>> = {},
) => ({
  specversion: '1.0',
  id: randomUUID(),
  source: '/etl',
  type: 'dev.countersign.ExecutionReport.v1',
  subject,
  datacontenttype: 'application/json',
  data,
  ...change,
})

/** Intake with its topics on the bus. */
export const intakeOnBus = async (settings: Readonly<Record<string, string>> = {}, options: IntakeBusOptions = {}) => {
  const at = await intakeOverHttp(settings, options)
  const rows = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await at.superuser.query<Row>(text, values)).rows
  const events = async (type: string) =>
    (
      await rows<{ data: Record<string, unknown>; metadata: Record<string, unknown>; stream_id: string }>(
        `select data, metadata, stream_id from countersign.event where type = $1 order by position`,
        [`dev.countersign.${type}.v1`],
      )
    ).map(({ data, metadata, stream_id: streamId }) => ({ ...data, metadata, streamId }) as Record<string, unknown>)
  return {
    ...at,
    rows,
    events,
    /** Publishes and waits until intake has answered all of it. */
    write: async (...records: OutboundRecord[]) => {
      await at.bus.publish(records)
      const producers = new Set(records.map(({ topic }) => topic.replace(/^.*\.v1\./, '')))
      for (const producer of producers) await settled(at.bus, producer)
    },
    /** An intent that came on the bus, was allowed, collected and, unless told otherwise, redeemed over HTTP. */
    granted: async ({ redeem = true, executor = 'etl' } = {}) => {
      const event = intentEvent({}, { executor: { clientId: executor } })
      await at.bus.publish([intentRecord(event)])
      await settled(at.bus, 'etl')
      const intent = (await events('ActionIntentPublished')).find(({ requestId }) => requestId === event.id)
      const intentId = String(intent?.['intentId'])
      await at.allow(intentId)
      const { answer } = await at.call({ as: executor, path: `/v1/intents/${intentId}/grant` })
      const grantId = String(answer['grantId'])
      const { action, target, environment, parameters } = event.data
      const redeemed = redeem
        ? await at.call({
            as: executor,
            path: `/v1/grants/${grantId}/redeem`,
            body: { token: answer['token'], redemptionId: randomUUID(), action, target, environment, parameters },
          })
        : undefined
      return { intentId, grantId, redeemed: redeemed?.code }
    },
    /** Refused attempts counted so far, by code. */
    counted: async () =>
      Object.fromEntries(
        (
          await rows<{ code: string; total: string }>(
            'select code, sum(total) as total from countersign.refusal_count group by code order by code',
          )
        ).map(({ code, total }) => [code, Number(total)]),
      ),
  }
}

export type IntakeOnBus = Awaited<ReturnType<typeof intakeOnBus>>
