import { type ChangedGroup, type EventOf, type RecordedEventOf, refuse, type Refusal } from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  isDirectoryFed,
  peopleById,
  registerStream,
  type Transaction,
} from '@countersign/event-store'
import { type Change, isSettled } from './change.ts'
import { addMembers, isReviewing, seatsGivenBy } from './seated-members.ts'

/** People to put into a group and to take out of it, by subject id; at most 256 each. */
export type ChangeGroupCommand = Change & {
  readonly group: string
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

type GroupChanged = EventOf<'DirectoryGroupChanged'>
type Answer = { readonly done?: ChangedGroup; readonly refusal?: Refusal; readonly event?: GroupChanged }

/** Members of a group as its stream tells it. */
const membersOf = (events: readonly RecordedEventOf[]): Set<string> => {
  const members = new Set<string>()
  for (const event of events) {
    if (event.type !== 'DirectoryGroupChanged') continue
    for (const person of event.data.added) members.add(person)
    for (const person of event.data.removed) members.delete(person)
  }
  return members
}

/**
 * Makes a group or changes who is in it. Whom one person puts in does not count until another has reviewed it, or, where nobody
 * else could, counts on that one word. Whoever changes a group may not approve in it until another person has reviewed the
 * change, and not for 7 days: the row keeps who and when. Seeding never undoes what an operator changed.
 */
export class ChangeGroup {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(command: ChangeGroupCommand): Promise<ChangedGroup | Refusal> {
    const { tenantId, group, changedBy, seeded, reason, feed } = command
    const ref = registerStream(tenantId, 'group', group)
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: async (tx) => {
          const refs = command.add.map((subjectId) => ({ tenantId, subjectId }))
          return {
            known: new Set((await peopleById(tx, refs)).map(({ subjectId }) => subjectId)),
            isFed: await isDirectoryFed(tx, tenantId),
            given: seeded ? undefined : await seatsGivenBy(tx, tenantId, changedBy),
          }
        },
        decide: (_command, loaded, { known, isFed, given }): Decision<Answer> => {
          if (isFed && feed === undefined && !seeded)
            return { append: [], answer: { refusal: refuse('directory_fed', { pointer: '/group' }) } }
          const { events, version } = loaded.of(ref)
          const members = membersOf(events)
          const stranger = command.add.findIndex((person) => !known.has(person))
          if (stranger >= 0) {
            return { append: [], answer: { refusal: refuse('invalid_request', { pointer: `/add/${stranger}` }) } }
          }
          const added = [...new Set(command.add)].filter((person) => !members.has(person))
          const removed = [...new Set(command.remove)].filter((person) => members.has(person))
          // Else nobody might be left who could review the feed.
          if (feed !== undefined && given === 'await_review' && isReviewing(group) && removed.length > 0)
            return { append: [], answer: { refusal: refuse('not_allowed', { pointer: '/remove' }) } }
          if ((seeded && isSettled(events)) || (version > 0 && added.length + removed.length === 0)) {
            return { append: [], answer: { done: { group, members: [...members], changed: false } } }
          }
          const seats = added.length === 0 ? undefined : given
          const event: GroupChanged = {
            type: 'DirectoryGroupChanged',
            data: {
              group,
              added,
              removed,
              changedBy,
              seeded,
              ...(feed === undefined ? {} : { feed }),
              ...(reason === undefined ? {} : { reason }),
              ...(seats === undefined ? {} : { seats }),
            },
          }
          const after = [...[...members].filter((person) => !removed.includes(person)), ...added]
          const done: ChangedGroup = {
            group,
            members: after,
            changed: true,
            ...(seats === undefined ? {} : { seats }),
          }
          return { append: [{ stream: ref, events: [event] }], answer: { done, event } }
        },
        effects: async (tx, [decided]) => {
          if (decided?.answer.event !== undefined) await writeGroup(tx, command, decided.answer.event.data)
        },
      },
    )
    if (answer.refusal !== undefined) return answer.refusal
    if (answer.done === undefined) throw new Error('a change of a group was neither made nor refused')
    return answer.done
  }
}

const writeGroup = async (
  tx: Transaction,
  { tenantId, group, changedBy, seeded, reason }: ChangeGroupCommand,
  { added, removed, seats }: GroupChanged['data'],
): Promise<void> => {
  await tx.query(
    `insert into countersign.directory_group (tenant_id, name, seeded, changed_by, change_reason)
     values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, name) do update
       set seeded = excluded.seeded, changed_by = excluded.changed_by, changed_at = clock_timestamp(),
         reviewed_by = null, change_reason = excluded.change_reason`,
    [tenantId, group, seeded, changedBy, reason ?? null],
  )
  await tx.query(
    'delete from countersign.group_member where tenant_id = $1 and group_name = $2 and subject_id = any ($3::uuid[])',
    [tenantId, group, removed],
  )
  await addMembers(tx, { tenantId, changedBy, seeded, seats }, { group, added })
}
