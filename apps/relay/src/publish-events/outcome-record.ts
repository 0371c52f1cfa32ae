import type { OutboundRecord } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import type { StoredEvent } from '@countersign/event-store'

/** State that an event tells the producer; events that are nobody's outcome are absent. */
const outcomes: Partial<Record<StoredEvent['type'], string>> = {
  ReviewRequested: 'in_review',
  IntentAllowed: 'allowed',
  ReviewApproved: 'approved',
  IntentDenied: 'denied',
  ReviewDenied: 'denied',
  IntentExpired: 'expired',
  IntentWithdrawn: 'withdrawn',
  GrantRevoked: 'revoked',
}

/** Who asked for an intent, and under which id where it was asked on the bus. */
export type Asked = { readonly producer: string; readonly requestId?: string | undefined }

export const isOutcome = (event: StoredEvent): boolean => outcomes[event.type] !== undefined

type RefusalOnBus = Extract<StoredEvent, { readonly type: 'ActionIntentRefused' | 'CommandRefused' }>

/** A refused record of a producer; whoever was refused over HTTP was told there. */
const isRefusalOnBus = (event: StoredEvent): event is RefusalOnBus =>
  (event.type === 'ActionIntentRefused' || event.type === 'CommandRefused') &&
  event.data.carrier === 'bus' &&
  event.metadata.producer !== undefined

type OutcomeData = Readonly<Record<string, string | number | undefined>>

const refusalData = (event: RefusalOnBus): OutcomeData => {
  const { code, requestId, bytesDigest, count } = event.data
  const isIntent = event.type === 'ActionIntentRefused'
  return {
    intentId: isIntent ? undefined : event.data.intentId,
    state: 'refused',
    code,
    requestId,
    command: isIntent ? 'publish_intent' : event.data.command,
    pointer: isIntent ? event.data.pointer : undefined,
    bytesDigest,
    count: count > 1 ? count : undefined,
  }
}

const recordOf = (event: StoredEvent, producer: string, data: OutcomeData): OutboundRecord => {
  const { intentId, requestId } = data
  const { traceparent, service } = event.metadata
  return {
    topic: topics.decisions(producer),
    key: String(intentId ?? requestId ?? '') || null,
    value: Buffer.from(
      JSON.stringify({
        specversion: '1.0',
        id: event.eventId,
        source: `/countersign/${service}`,
        type: 'dev.countersign.Outcome.v1',
        subject: intentId,
        time: event.recordedAt,
        datacontenttype: 'application/json',
        traceparent,
        data,
      }),
    ),
    headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
  }
}

/**
 * What a producer learns on its own topic: that its intent has an outcome, or that a record of its was refused, with the id
 * of the request. Never a token; details are read over HTTP. Undefined for an event that is nobody's outcome.
 */
export const outcomeRecord = (event: StoredEvent, asked: Asked | undefined): OutboundRecord | undefined => {
  if (isRefusalOnBus(event)) return recordOf(event, event.metadata.producer ?? '', refusalData(event))
  const state = outcomes[event.type]
  if (state === undefined || asked === undefined) return undefined
  const code = 'code' in event.data && typeof event.data.code === 'string' ? event.data.code : undefined
  return recordOf(event, asked.producer, { intentId: event.streamId, state, code, requestId: asked.requestId })
}
