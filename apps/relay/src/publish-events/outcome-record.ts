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

export const isOutcome = (event: StoredEvent): boolean => outcomes[event.type] !== undefined

/** What a producer learns on its own topic: that its intent has an outcome. Never a token; details are read over HTTP. */
export const outcomeRecord = (event: StoredEvent, producer: string): OutboundRecord => ({
  topic: topics.decisions(producer),
  key: event.streamId,
  value: Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: event.eventId,
      source: `/countersign/${event.metadata.service}`,
      type: 'dev.countersign.Outcome.v1',
      subject: event.streamId,
      time: event.recordedAt,
      datacontenttype: 'application/json',
      data: {
        intentId: event.streamId,
        state: outcomes[event.type],
        ...('code' in event.data && typeof event.data.code === 'string' ? { code: event.data.code } : {}),
      },
    }),
  ),
  headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
})
