import { isEventName, type RecordedEventOf } from '@countersign/contracts'
import { loadStreams, peopleById, withTenants, type Transaction } from '@countersign/event-store'
import type pg from 'pg'
import { readsEverything, type Reader, type ReadingRules } from '../reader.ts'
import { tellStory, type Story } from './tell-story.ts'

/**
 * Tells an intent's story out of the store itself, so that it is never behind. Undefined when there is no such intent
 * for this reader: requesters have their own, reviewers what they may decide, analysts and auditors all of their tenant.
 * People see names; programs see subject ids.
 */
export const readStory = (
  pool: pg.Pool,
  question: { readonly intentId: string; readonly reader: Reader; readonly rules: ReadingRules },
): Promise<Story | undefined> => {
  const { intentId, reader, rules } = question
  const { tenantId } = reader
  return withTenants(pool, [tenantId], async (tx) => {
    const refs = (['intent', 'attempts'] as const).map((kind) => ({ kind, streamId: intentId, tenantId }))
    const loaded = await loadStreams(tx, refs)
    // A newer version's events are no reason to tell nothing of the rest.
    const events = refs.flatMap((ref) => loaded.of(ref).events).filter(({ type }) => isEventName(type))
    if (!events.some(({ type }) => type === 'ActionIntentPublished')) return undefined
    if (!readsEverything(reader, rules) && !isTheirs(reader, events)) return undefined
    const names = reader.kind === 'person' ? await namesIn(tx, tenantId, events) : new Map<string, string>()
    return tellStory(events, (subject) => names.get(subject) ?? subject)
  })
}

const isTheirs = (reader: Reader, events: readonly RecordedEventOf[]): boolean =>
  events.some((event) => {
    if (event.type === 'ActionIntentPublished') {
      const { requester, onBehalfOf, owners, producer, agent, executor } = event.data
      if (reader.kind === 'person') return [requester, onBehalfOf, ...owners].includes(reader.subjectId)
      if (reader.kind === 'collector') return false
      return (
        reader.producers.includes(producer) ||
        [agent.subjectId, executor.subjectId].some((subject) => reader.agents.includes(subject))
      )
    }
    return (
      event.type === 'ReviewRequested' &&
      reader.kind === 'person' &&
      event.data.seats.some(({ group }) => reader.groups.includes(group))
    )
  })

const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** Names of everybody whose id occurs; ids of other things find nobody. */
const namesIn = async (
  tx: Transaction,
  tenantId: string,
  events: readonly RecordedEventOf[],
): Promise<ReadonlyMap<string, string>> => {
  const ids = new Set(events.flatMap(({ data }) => JSON.stringify(data).match(uuids) ?? []))
  const people = await peopleById(
    tx,
    [...ids].map((subjectId) => ({ tenantId, subjectId })),
  )
  return new Map(people.map((person) => [person.subjectId, person.displayName]))
}
