import { fitsEvent, isEventName, parseWireType, wireTypeOf, type RecordedEventOf } from '@countersign/contracts'
import type { DeliveredRecord, RecordOutcome } from '@countersign/bus'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const kinds: readonly unknown[] = ['intent', 'attempts', 'register']

/**
 * Reads the domain event out of a CloudEvent (structured JSON) of `countersign.events.v1`. What is no event of ours is
 * quarantined. One of a newer version, or one that does not fit its schema, is parked: it comes again when this service
 * knows it, for a projection without it would be wrong.
 */
export const readEvent = ({
  value,
}: Pick<DeliveredRecord, 'value'>): { readonly event: RecordedEventOf } | Exclude<RecordOutcome, 'done'> => {
  const envelope = parse(value)
  if (envelope === undefined) return { quarantine: 'event_malformed' }
  const { id, type, subject, time, tenantid, streamkind, streamversion, source, data } = envelope
  const wire = typeof type === 'string' ? parseWireType(type) : undefined
  const isWhole =
    wire !== undefined &&
    [id, subject, tenantid].every((text) => typeof text === 'string' && uuid.test(text)) &&
    typeof time === 'string' &&
    !Number.isNaN(Date.parse(time)) &&
    kinds.includes(streamkind) &&
    Number.isSafeInteger(streamversion)
  if (!isWhole) return { quarantine: 'event_malformed' }
  if (!isEventName(wire.name) || wireTypeOf(wire.name) !== type) return { park: 'unknown_event' }
  if (!fitsEvent(wire.name, data)) return { park: 'event_misfit' }
  return {
    event: {
      eventId: id,
      type: wire.name,
      schemaVersion: wire.version,
      tenantId: tenantid,
      kind: streamkind,
      streamId: subject,
      version: streamversion,
      data,
      metadata: { service: typeof source === 'string' ? source.slice(source.lastIndexOf('/') + 1) : '' },
      // Stamps compare as text: one form, whoever wrote it.
      recordedAt: new Date(time).toISOString(),
    } as RecordedEventOf,
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

const parse = (value: Uint8Array | null): Record<string, unknown> | undefined => {
  if (value === null) return undefined
  try {
    const parsed: unknown = JSON.parse(utf8.decode(value))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
