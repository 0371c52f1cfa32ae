import type { Type } from 'typebox'

export type StreamKind = 'intent' | 'attempts' | 'register'

/** The services that own events; the database enforces it by role. */
export type Owner = 'intake' | 'policy' | 'notifier'

export type EventDefinition<
  Name extends string = string,
  Kind extends StreamKind = StreamKind,
  Data extends Type.TSchema = Type.TSchema,
> = {
  readonly name: Name
  readonly version: number
  /** Streams this event may be appended to. */
  readonly kind: Kind
  readonly owner: Owner
  /** Behaviour folder that appends it, below `apps/`. */
  readonly ownerFolder: string
  /** Behaviour folders that react to it (ledger and projector take every event and are not listed). */
  readonly consumers: readonly string[]
  /** Said when nobody but ledger and projector reacts. */
  readonly noConsumerBecause?: string
  readonly data: Data
}

/** Declares one event type: its schema, its one owner and who reacts to it. */
export const event = <const Name extends string, const Kind extends StreamKind, Data extends Type.TSchema>(
  definition: EventDefinition<Name, Kind, Data>,
): EventDefinition<Name, Kind, Data> => definition

/** Wire name of an event type: the `type` of its CloudEvent, of its row and of its ledger leaf. */
export const wireType = (name: string, version: number): string => `dev.countersign.${name}.v${version}`

const wirePattern = /^dev\.countersign\.([A-Z][A-Za-z]+)\.v(\d+)$/

/** Name and version out of a wire type; undefined when it is not one of ours. */
export const parseWireType = (type: string): { name: string; version: number } | undefined => {
  const match = wirePattern.exec(type)
  return match?.[1] === undefined || match[2] === undefined ? undefined : { name: match[1], version: Number(match[2]) }
}

/** An event before it is appended. */
export type NewEvent<Name extends string = string, Data = unknown> = { readonly type: Name; readonly data: Data }

/** Who and what caused an event; kept beside it, outside the ledger's leaf. */
export type EventMetadata = {
  readonly service: string
  readonly producer?: string
  readonly causationId?: string
  readonly correlationId?: string
  readonly traceparent?: string
}

/** An event as the store returns it. `type` is the bare name, `schemaVersion` its version. */
export type RecordedEvent<Name extends string = string, Data = unknown> = {
  readonly eventId: string
  readonly type: Name
  readonly schemaVersion: number
  readonly tenantId: string
  readonly kind: StreamKind
  readonly streamId: string
  readonly version: number
  readonly data: Data
  readonly metadata: EventMetadata
  readonly recordedAt: string
}
