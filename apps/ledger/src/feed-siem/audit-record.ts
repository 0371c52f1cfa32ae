import { type IntentContext, toAuditRow, toUnreadRow } from '@countersign/audit-row'
import type { OutboundRecord } from '@countersign/bus'
import {
  definitionOf,
  fitsEvent,
  isEventName,
  parseWireType,
  type RecordedEventOf,
  topics,
  wireTypeOf,
} from '@countersign/contracts'
import type { SoundEntry } from './sound-entries.ts'

const traceparentForm = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The event that an entry is about; `undefined` when this version knows no such type or it does not fit its schema. */
export const readableEvent = ({ tenantId, event }: SoundEntry): RecordedEventOf | undefined => {
  const { wireType, data, kind } = event
  const type = parseWireType(wireType)
  if (type === undefined || !isEventName(type.name) || wireTypeOf(type.name) !== wireType) return undefined
  const definition = definitionOf(type.name)
  if (definition.kind !== kind || !fitsEvent(type.name, data)) return undefined
  return {
    eventId: event.eventId,
    type: type.name,
    schemaVersion: type.version,
    tenantId,
    kind,
    streamId: event.streamId,
    version: event.version,
    data,
    metadata: { service: definition.owner },
    recordedAt: event.recordedAt,
  } as RecordedEventOf
}

/**
 * An entry as a record of `countersign.audit.v1`: a CloudEvent in binary mode (CloudEvents Kafka binding 1.0.2), whose
 * value is the OCSF row with its place in the log. The same entry gives the same id and place whenever it is sent. Headers
 * are few: each costs the Kafka client about as much as encoding a kilobyte of value (measured).
 */
export const auditRecord = (
  entry: SoundEntry,
  event: RecordedEventOf | undefined,
  context: IntentContext | undefined,
): OutboundRecord => {
  const { origin, index, leafHash, traceparent } = entry
  const ledger = { origin, index, leafHash: leafHash.toString('hex') }
  const row =
    event === undefined
      ? toUnreadRow({ ...entry.event, tenantId: entry.tenantId }, { ledger })
      : toAuditRow(event, { ledger, ...(context === undefined ? {} : { context }) })
  return {
    topic: topics.audit,
    key: entry.event.streamId,
    value: Buffer.from(JSON.stringify(row)),
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: entry.event.eventId,
      ce_source: '/countersign/ledger',
      ce_type: 'dev.countersign.AuditRow.v1',
      ce_subject: entry.event.streamId,
      ce_time: entry.event.recordedAt,
      ...(traceparent !== undefined && traceparentForm.test(traceparent) ? { traceparent } : {}),
    },
  }
}
