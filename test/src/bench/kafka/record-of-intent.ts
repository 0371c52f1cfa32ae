import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { EventData } from '@countersign/contracts'
import type { OutboundRecord } from '@countersign/bus'
import { recordMac } from '@countersign/redaction'
import { eventRecord, type RecordKey } from '@countersign/service-kit'

/** The key of every MAC in the bench. */
export const benchKey: RecordKey = { kid: '1', secret: Buffer.alloc(32, 'bench') }

const example = new URL(
  '../../../../libs/contracts/fixtures/ActionIntentPublished.v1/pipeline-without-optional-fields.json',
  import.meta.url,
)

export type IntentRecord = OutboundRecord & { readonly key: string; readonly value: Buffer }

/**
 * Makes records as the relay publishes them: an event of about a kilobyte with its MAC, each of a stream of its own; for a
 * topic of the bench, so that a broker that runs already keeps its own topics clean.
 */
export const intentRecords = async (topic: string): Promise<() => IntentRecord> => {
  const data = JSON.parse(await readFile(example, 'utf8')) as EventData<'ActionIntentPublished'>
  return () => {
    const streamId = randomUUID()
    const record = eventRecord(benchKey, {
      eventId: randomUUID(),
      type: 'ActionIntentPublished',
      schemaVersion: 1,
      tenantId: data.intentId,
      kind: 'intent',
      streamId,
      version: 1,
      data: { ...data, intentId: streamId },
      metadata: { service: 'intake' },
      recordedAt: data.deadline,
    })
    const { key, value, headers } = record as typeof record & { readonly key: string; readonly value: Buffer }
    const mac = recordMac(benchKey.secret, { topic, key, value })
    return { topic, key, value, headers: { ...headers, 'countersign-mac': mac } }
  }
}
