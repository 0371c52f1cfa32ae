import type { StreamRef } from '@countersign/event-store'

export const intentStream = (tenantId: string, intentId: string): StreamRef => ({
  kind: 'intent',
  streamId: intentId,
  tenantId,
})

/** Companion stream of an intent: presentations, deliveries and refused verdicts. */
export const attemptsStream = (tenantId: string, intentId: string): StreamRef => ({
  kind: 'attempts',
  streamId: intentId,
  tenantId,
})

export const registerStream = (tenantId: string, streamId: string): StreamRef => ({
  kind: 'register',
  streamId,
  tenantId,
})
