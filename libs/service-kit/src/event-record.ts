import type { DeliveredRecord, OutboundRecord } from '@countersign/bus'
import { isEventName, parseWireType, type RecordedEventOf, topics, wireTypeOf } from '@countersign/contracts'
import { recordMac, verifyRecordMac } from '@countersign/redaction'

/** Headers of internal records; the MAC covers topic, key and value. */
const macHeader = 'countersign-mac'
const keyIdHeader = 'countersign-kid'

/** The key with which internal records are authenticated; `kid` lets two be valid while one replaces the other. */
export type RecordKey = { readonly kid: string; readonly secret: Uint8Array }

const authenticated = (
  key: RecordKey,
  record: OutboundRecord & { readonly key: string; readonly value: Uint8Array },
): OutboundRecord => ({
  ...record,
  headers: {
    ...record.headers,
    [keyIdHeader]: key.kid,
    [macHeader]: recordMac(key.secret, {
      topic: record.topic,
      key: record.key ?? '',
      value: record.value ?? new Uint8Array(),
    }),
  },
})

/** Whether an internal record carries the MAC of one of the keys. One without key, value or MAC does not. */
export const recordVerifier =
  (keys: readonly RecordKey[]) =>
  (record: DeliveredRecord): boolean => {
    const key = keys.find(({ kid }) => kid === record.headers[keyIdHeader])
    const mac = record.headers[macHeader]
    if (key === undefined || mac === undefined || record.key === null || record.value === null) return false
    return verifyRecordMac(key.secret, { topic: record.topic, key: record.key, value: record.value }, mac)
  }

/** An event as a record of `countersign.events.v1`: a structured CloudEvent, keyed by its stream. */
export const eventRecord = (key: RecordKey, event: RecordedEventOf): OutboundRecord => {
  const { traceparent, service } = event.metadata
  const cloudEvent = {
    specversion: '1.0',
    id: event.eventId,
    source: `/countersign/${service}`,
    type: wireTypeOf(event.type),
    subject: event.streamId,
    time: event.recordedAt,
    datacontenttype: 'application/json',
    tenantid: event.tenantId,
    streamkind: event.kind,
    streamversion: event.version,
    ...(traceparent === undefined ? {} : { traceparent }),
    data: event.data,
  }
  return authenticated(key, {
    topic: topics.events,
    key: event.streamId,
    value: Buffer.from(JSON.stringify(cloudEvent)),
    headers: {
      'content-type': 'application/cloudevents+json; charset=UTF-8',
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  })
}

type CloudEvent = Record<'id' | 'type' | 'subject' | 'time' | 'tenantid' | 'streamkind' | 'source', string> & {
  streamversion: number
  traceparent?: string
  data: object
}

/**
 * The event in a record whose MAC was verified; undefined when it is none of a type and version that this code knows. Good
 * enough to display; whoever decides reads the store.
 */
export const readEventRecord = ({ value }: Pick<DeliveredRecord, 'value'>): RecordedEventOf | undefined => {
  let event: CloudEvent
  try {
    event = JSON.parse(Buffer.from(value ?? []).toString('utf8')) as CloudEvent
  } catch {
    return undefined
  }
  const type = typeof event?.type === 'string' ? parseWireType(event.type) : undefined
  if (type === undefined || !isEventName(type.name) || wireTypeOf(type.name) !== event.type) return undefined
  return {
    eventId: event.id,
    type: type.name,
    schemaVersion: type.version,
    tenantId: event.tenantid,
    kind: event.streamkind,
    streamId: event.subject,
    version: event.streamversion,
    data: event.data,
    metadata: {
      service: event.source.slice('/countersign/'.length),
      ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    },
    recordedAt: event.time,
  } as RecordedEventOf
}
