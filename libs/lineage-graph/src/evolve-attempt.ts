import type { AttemptEventName, RecordedEventOf } from '@countersign/contracts'
import type { Draft } from './delta.ts'
import type { NodeKind } from './node.ts'

/**
 * Adds what an attempt says: who looked at a review and whose verdict was refused. Attempts change no state, so they
 * never describe a node, only join people to what they tried.
 */
export const evolveAttempt = (event: RecordedEventOf<AttemptEventName>, draft: Draft): void => {
  const { tenantId } = event
  const ref = (kind: NodeKind, key: string) => ({ tenantId, kind, key })
  switch (event.type) {
    case 'ReviewPresented': {
      const { reader, reviewId, channel } = event.data
      if (reader === null) return
      return draft.edge(draft.node(ref('person', reader)), 'saw', draft.node(ref('review', reviewId)), { channel })
    }
    case 'VerdictRefused':
    case 'VerdictTooLate': {
      const { person, intentId, reviewId, code, channel, verdict } = event.data
      if (person === null) return
      const tried = reviewId === null ? draft.node(ref('intent', intentId)) : draft.node(ref('review', reviewId))
      return draft.edge(draft.node(ref('person', person)), 'refused', tried, { code, channel, verdict })
    }
    // A delivery moves a card, neither data nor a decision, and names nobody.
    case 'ReviewDelivered':
    case 'ReviewDeliveryFailed':
    // Refused commands leave no intent, grant or person of a known kind to join; the audit rows tell them.
    case 'ActionIntentRefused':
    case 'CommandRefused':
    case 'GrantRefused':
      return
    default:
      return event satisfies never
  }
}
