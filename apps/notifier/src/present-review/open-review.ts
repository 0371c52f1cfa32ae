import type { SealedIntent } from '@countersign/contracts'
import {
  allEnded,
  askedTogether,
  attemptsStream,
  type EventStore,
  gatheredOnPool,
  intentStream,
  type Keyring,
  type Loaded,
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

/**
 * Loads an intent under review, opens what it sealed and looks up the people in it; undefined when it has no review. Those
 * that are opened at the same time share their reads.
 */
export const openReview = (
  { pool, keyring }: ReviewSource,
  tenantId: string,
  intentId: string,
): Promise<OpenedReview | undefined> => openReviews(pool, { keyring, tenantId, intentId })

type Wanted = { readonly keyring: Keyring; readonly tenantId: string; readonly intentId: string }

// What is of one tenant is read in a transaction of that tenant.
const openReviews = gatheredOnPool(
  async (pool, wanted: readonly Wanted[]): Promise<readonly (OpenedReview | undefined)[]> => {
    const opened = new Map<Wanted, OpenedReview | undefined>()
    for (const [tenantId, ofTenant] of Map.groupBy(wanted, (one) => one.tenantId)) {
      const openers = await Promise.all(ofTenant.map(({ keyring }) => keyring.opener([tenantId])))
      const found = await withTenants(pool, [tenantId], async (tx) => {
        const refs = ofTenant.flatMap(({ intentId }) => [
          intentStream(tenantId, intentId),
          attemptsStream(tenantId, intentId),
        ])
        const loaded = await loadStreams(tx, refs)
        return allEnded(ofTenant.map((one, place) => readReview(tx, loaded, { ...one, open: openers[place] })))
      })
      ofTenant.forEach((one, place) => opened.set(one, found[place]))
    }
    return wanted.map((one) => opened.get(one))
  },
)

const readReview = async (
  tx: Transaction,
  loaded: Loaded,
  { keyring, tenantId, intentId, open }: Wanted & { readonly open: Opener | undefined },
): Promise<OpenedReview | undefined> => {
  const { events, version } = loaded.of(intentStream(tenantId, intentId))
  const intent = foldIntent(events)
  const requested = events.find((event): event is ReviewRequested => event.type === 'ReviewRequested')
  if (!isPublished(intent) || intent.review === undefined || requested === undefined) return undefined
  const { sealedId } = intent.published.payload
  const people = [...new Set(peopleIn(intent))]
  const [read, names, [times = 0], [onOneWord = 0]] = await Promise.all([
    keyring.read(tx, [{ tenantId, sealedId }]),
    namesOf(
      tx,
      people.map((subjectId) => ({ tenantId, subjectId })),
    ),
    deniedBefore(tx, [{ tenantId, intent, requestedAt: requested.recordedAt }]),
    seatsOnOneWord(tx, [{ tenantId, review: intent.review }]),
  ])
  const sealed = open?.(read).get(sealedId)
  const nameOfPerson = new Map(people.map((subjectId, place) => [subjectId, names[place]]))
  return {
    tenantId,
    intent,
    review: intent.review,
    version,
    now: loaded.now,
    requested,
    events,
    attempts: loaded.of(attemptsStream(tenantId, intentId)).events,
    content: sealed?.status === 'open' ? (JSON.parse(sealed.plaintext.toString('utf8')) as SealedIntent) : undefined,
    nameOf: (person) => nameOfPerson.get(person),
    deniedBefore: times,
    seatsOnOneWord: onOneWord,
  }
}

type Opener = Awaited<ReturnType<Keyring['opener']>>

const peopleIn = ({ published, review }: Intent): string[] => [
  ...published.owners,
  ...(published.onBehalfOf === null ? [] : [published.onBehalfOf]),
  ...(review?.verdicts ?? []).map(({ person }) => person),
]

type OfPerson = { readonly tenantId: string; readonly subjectId: string }

/** Names as the directory has them, in the order asked; undefined for whom it does not know. */
const namesOf = askedTogether(async (tx, people: readonly OfPerson[]): Promise<(string | undefined)[]> => {
  const found = await peopleById(tx, people)
  const names = new Map(found.map(({ tenantId, subjectId, displayName }) => [`${tenantId}/${subjectId}`, displayName]))
  return people.map(({ tenantId, subjectId }) => names.get(`${tenantId}/${subjectId}`))
})
