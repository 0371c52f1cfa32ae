import type { AttemptEventName, IntentEventName, RecordedEventOf, RegisterEventName } from '@countersign/contracts'
import { draftOf, type LineageDelta } from './delta.ts'
import { evolveAttempt } from './evolve-attempt.ts'
import { evolveIntent } from './evolve-intent.ts'
import { evolveRegister } from './evolve-register.ts'

/**
 * What one event adds to the lineage graph. Deltas merge in any order and any number of times to the same graph: the
 * projection is a function of the set of events.
 */
export const evolve = (event: RecordedEventOf): LineageDelta => {
  const draft = draftOf(event)
  if (event.kind === 'intent') evolveIntent(event as RecordedEventOf<IntentEventName>, draft)
  else if (event.kind === 'attempts') evolveAttempt(event as RecordedEventOf<AttemptEventName>, draft)
  else evolveRegister(event as RecordedEventOf<RegisterEventName>, draft)
  return draft.finish()
}
