import type { EventData, EventOf } from '@countersign/contracts'
import { attemptsStream, type EventStore, type StoredEvent } from '@countersign/event-store'
import type { Card } from '../channels/channel.ts'
import type { OpenedReview } from './open-review.ts'

/** A presentation and who reads it; null for a card that many see. */
export type Showing = { readonly card: Card; readonly reader: string | null }

const isRecorded = (attempts: readonly StoredEvent[], shown: EventData<'ReviewPresented'>): boolean =>
  attempts.some(
    ({ type, data }) =>
      type === 'ReviewPresented' &&
      data.presentationDigest === shown.presentationDigest &&
      data.channel === shown.channel &&
      data.reader === shown.reader,
  )

/** Records what is about to be shown, once per reader and rendering: a verdict counts only for what was shown before it. */
export const recordPresentation = async (
  store: EventStore,
  { tenantId, attempts }: Pick<OpenedReview, 'tenantId' | 'attempts'>,
  { card, reader }: Showing,
): Promise<void> => {
  const { presentation, presentationDigest } = card
  const { intentId, reviewId, channel, actionDigest, complete } = presentation
  const event: EventOf<'ReviewPresented'> = {
    type: 'ReviewPresented',
    data: { intentId, reviewId, channel, presentationDigest, actionDigest, complete, reader },
  }
  if (isRecorded(attempts, event.data)) return
  // Looked at again under the stream's lock: readers who come at once record one presentation.
  const stream = attemptsStream(tenantId, intentId)
  await store.execute(
    { streams: [stream] },
    {
      decide: (_command, loaded) => ({
        append: isRecorded(loaded.of(stream).events, event.data) ? [] : [{ stream, events: [event] }],
        answer: undefined,
      }),
    },
  )
}
