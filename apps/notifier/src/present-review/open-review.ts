import type { SealedIntent } from '@countersign/contracts'
import {
  attemptsStream,
  type EventStore,
  intentStream,
  type Keyring,
  loadStreams,
  peopleById,
  type StoredEvent,
  type Transaction,
  withTenants,
} from '@countersign/event-store'
import { foldIntent, isPublished, type Intent, type ReviewState } from '@countersign/intent'
import type pg from 'pg'
import { deniedBefore } from './denied-before.ts'
import { seatsOnOneWord } from './seats-on-one-word.ts'

/** A review with everything that is needed to show it. Nothing of `content` goes into events, tables or logs. */
export type OpenedReview = {
  readonly tenantId: string
  readonly intent: Intent
  readonly review: ReviewState
  /** Version of the intent's stream. */
  readonly version: number
  /** The database's clock. */
  readonly now: string
  readonly requested: StoredEvent & { readonly type: 'ReviewRequested' }
  readonly events: readonly StoredEvent[]
  readonly attempts: readonly StoredEvent[]
  /** Undefined when its key was destroyed. */
  readonly content: SealedIntent | undefined
  readonly nameOf: (person: string) => string | undefined
  /** Requests for the same that were denied in the 24 hours before. */
  readonly deniedBefore: number
  /** People who hold a seat of it on one person's word. */
  readonly seatsOnOneWord: number
}

export type ReviewSource = { readonly pool: pg.Pool; readonly store: EventStore; readonly keyring: Keyring }

type ReviewRequested = OpenedReview['requested']

/** Loads an intent under review, opens what it sealed and looks up the people in it; undefined when it has no review. */
export const openReview = async (
  { pool, keyring }: ReviewSource,
  tenantId: string,
  intentId: string,
): Promise<OpenedReview | undefined> => {
  const refs = { intent: intentStream(tenantId, intentId), attempts: attemptsStream(tenantId, intentId) }
  const read = await withTenants(pool, [tenantId], async (tx) => {
    const loaded = await loadStreams(tx, [refs.intent, refs.attempts])
    const { events, version } = loaded.of(refs.intent)
    const intent = foldIntent(events)
    const requested = events.find((event): event is ReviewRequested => event.type === 'ReviewRequested')
    if (!isPublished(intent) || intent.review === undefined || requested === undefined) return undefined
    const { sealedId } = intent.published.payload
    const [sealed, names, times, onOneWord] = await Promise.all([
      keyring.read(tx, [{ tenantId, sealedId }]),
      namesOf(tx, tenantId, peopleIn(intent)),
      deniedBefore(tx, { tenantId, intent, requestedAt: requested.recordedAt }),
      seatsOnOneWord(tx, tenantId, intent.review),
    ])
    return {
      loaded,
      events,
      version,
      intent,
      review: intent.review,
      requested,
      sealedId,
      sealed,
      names,
      times,
      onOneWord,
    }
  })
  if (read === undefined) return undefined
  const { loaded, events, version, intent, review, requested, names, times, onOneWord } = read
  const sealed = (await keyring.open(read.sealed)).get(read.sealedId)
  return {
    tenantId,
    intent,
    review,
    version,
    now: loaded.now,
    requested,
    events,
    attempts: loaded.of(refs.attempts).events,
    content: sealed?.status === 'open' ? (JSON.parse(sealed.plaintext.toString('utf8')) as SealedIntent) : undefined,
    nameOf: (person) => names.get(person),
    deniedBefore: times,
    seatsOnOneWord: onOneWord,
  }
}

const peopleIn = ({ published, review }: Intent): string[] => [
  ...published.owners,
  ...(published.onBehalfOf === null ? [] : [published.onBehalfOf]),
  ...(review?.verdicts ?? []).map(({ person }) => person),
]

const namesOf = async (tx: Transaction, tenantId: string, people: readonly string[]): Promise<Map<string, string>> => {
  const refs = [...new Set(people)].map((subjectId) => ({ tenantId, subjectId }))
  const found = await peopleById(tx, refs)
  return new Map(found.map(({ subjectId, displayName }) => [subjectId, displayName]))
}
