import { type ChangedGroup, type EventOf, type RecordedEventOf, refuse, type Refusal } from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  isDirectoryFed,
  peopleById,
  registerStream,
  type Transaction,
} from '@countersign/event-store'
import { operatorGroup } from '../caller.ts'
import { type Change, isSettled } from './change.ts'
import { areLastOperators } from './last-operators.ts'
import { addMembers, isReviewing, seatsGivenBy } from './seated-members.ts'

/** People to put into a group and to take out of it, by subject id. */
export type ChangeGroupCommand = Change & {
  readonly group: string
  readonly add: readonly string[]
  readonly remove: readonly string[]
  /** Whether those to put in are all that are in it then. */
  readonly isWhole?: true
}

/** Where whoever feeds the directory lists a group. */
export type GroupListing = {
  /** Whether another group is listed there: then nothing is changed. */
  isTaken?(tx: Transaction): Promise<boolean>
  write(tx: Transaction): Promise<void>
}

type GroupChanged = EventOf<'DirectoryGroupChanged'>
type Members = { readonly added: readonly string[]; readonly removed: readonly string[] }
type Answer =
  | 'taken'
  | { readonly refusal: Refusal }
  | { readonly done: ChangedGroup; readonly isKept: boolean; readonly changed: Members }

/** People whom one event names. */
const mostNamed = 256

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

/** Who comes and who leaves. */
const changeOf = (members: ReadonlySet<string>, { add, remove, isWhole }: ChangeGroupCommand): Members => {
  const wanted = new Set(add)
  const leaving = new Set(isWhole === true ? [...members].filter((person) => !wanted.has(person)) : remove)
  return {
    added: [...wanted].filter((person) => !members.has(person)),
    removed: [...leaving].filter((person) => members.has(person)),
  }
}

/** A change as events tell it, which name so many people each; a change of nobody makes the group. */
const told = ({ added, removed }: Members): Members[] => {
  const coming = new Set(added)
  const everybody = [...added, ...removed]
  const parts: Members[] = []
  for (let at = 0; at === 0 || at < everybody.length; at += mostNamed) {
    const part = everybody.slice(at, at + mostNamed)
    parts.push({
      added: part.filter((person) => coming.has(person)),
      removed: part.filter((person) => !coming.has(person)),
    })
  }
  return parts
}

/**
 * Makes a group or changes who is in it. Whom one person puts in does not count until another has reviewed it, or, where nobody
 * else could, counts on that one word. Whoever changes a group may not approve in it until another person has reviewed the
 * change, and not for 7 days: the row keeps who and when. Seeding never undoes what an operator changed. The last human who
 * operates the tenant stays one.
 */
export class ChangeGroup {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(command: ChangeGroupCommand): Promise<ChangedGroup | Refusal> {
    const changed = await this.#change(command, undefined)
    if (changed === undefined) throw new Error('nothing is listed, and yet its place was taken')
    return changed
  }

  /** Changes and lists a group in one transaction, all of it or nothing; undefined where the place is taken. */
  list(command: ChangeGroupCommand, listing: GroupListing): Promise<ChangedGroup | Refusal | undefined> {
    return this.#change(command, listing)
  }

  async #change(
    command: ChangeGroupCommand,
    listing: GroupListing | undefined,
  ): Promise<ChangedGroup | Refusal | undefined> {
    const { tenantId, group, changedBy, seeded, feed } = command
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
            isTaken: (await listing?.isTaken?.(tx)) === true,
            isLastOperator: endsOperators(command) && (await areLastOperators(tx, tenantId, command.remove)),
          }
        },
        decide: (_command, loaded, { known, isFed, given, isTaken, isLastOperator }): Decision<Answer> => {
          if (isTaken) return { append: [], answer: 'taken' }
          if (isFed && feed === undefined && !seeded)
            return { append: [], answer: { refusal: refuse('directory_fed', { pointer: '/group' }) } }
          if (isLastOperator)
            return { append: [], answer: { refusal: refuse('last_operator', { pointer: '/remove' }) } }
          const { events, version } = loaded.of(ref)
          const members = membersOf(events)
          const stranger = command.add.findIndex((person) => !known.has(person))
          if (stranger >= 0) {
            return { append: [], answer: { refusal: refuse('invalid_request', { pointer: `/add/${stranger}` }) } }
          }
          const changed = changeOf(members, command)
          const { added, removed } = changed
          // Else nobody might be left who could review the feed.
          if (feed !== undefined && given === 'await_review' && isReviewing(group) && removed.length > 0)
            return { append: [], answer: { refusal: refuse('not_allowed', { pointer: '/remove' }) } }
          if ((seeded && isSettled(events)) || (version > 0 && added.length + removed.length === 0)) {
            const done = { group, members: [...members], changed: false }
            return { append: [], answer: { done, isKept: true, changed } }
          }
          const seats = added.length === 0 ? undefined : given
          const gone = new Set(removed)
          const done: ChangedGroup = {
            group,
            members: [...[...members].filter((person) => !gone.has(person)), ...added],
            changed: true,
            ...(seats === undefined ? {} : { seats }),
          }
          const changes = told(changed).map((part) => groupChanged(command, part, part.added.length === 0 ? {} : done))
          return { append: [{ stream: ref, events: changes }], answer: { done, isKept: false, changed } }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.answer === 'taken' || 'refusal' in decided.answer) return
          const { done, isKept, changed } = decided.answer
          if (!isKept) await writeGroup(tx, command, { ...changed, seats: done.seats })
          await listing?.write(tx)
        },
      },
    )
    if (answer === 'taken') return undefined
    return 'refusal' in answer ? answer.refusal : answer.done
  }
}

/** Whether an operator takes operators out. */
const endsOperators = ({ group, remove, changedBy, seeded }: ChangeGroupCommand): boolean =>
  group === operatorGroup && remove.length > 0 && !seeded && changedBy !== null

/** What tells a change of a group. */
export const groupChanged = (
  { group, changedBy, seeded, feed, reason }: Change & { readonly group: string },
  { added, removed }: Members,
  { seats }: Pick<ChangedGroup, 'seats'> = {},
): GroupChanged => ({
  type: 'DirectoryGroupChanged',
  data: {
    group,
    added: [...added],
    removed: [...removed],
    changedBy,
    seeded,
    ...(feed === undefined ? {} : { feed }),
    ...(reason === undefined ? {} : { reason }),
    ...(seats === undefined ? {} : { seats }),
  },
})

/** Writes a changed group and who is in it, in the transaction of its events. */
export const writeGroup = async (
  tx: Transaction,
  { tenantId, group, changedBy, seeded, reason }: Change & { readonly group: string },
  { added, removed, seats }: Members & { readonly seats?: GroupChanged['data']['seats'] },
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
    `with gone as materialized (select subject_id from countersign.group_member
       where tenant_id = $1 and group_name = $2 and subject_id = any ($3::uuid[]) order by subject_id for update)
     delete from countersign.group_member m using gone
     where m.tenant_id = $1 and m.group_name = $2 and m.subject_id = gone.subject_id`,
    [tenantId, group, removed],
  )
  await addMembers(tx, { tenantId, changedBy, seeded, seats }, { group, added })
}
