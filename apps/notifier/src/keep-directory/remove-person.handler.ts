import type { EventOf } from '@countersign/contracts'
import { type Decision, type EventStore, registerStream, type Transaction, withTenants } from '@countersign/event-store'
import type pg from 'pg'
import { lastOf } from './change.ts'
import { groupChanged, writeGroup } from './change-group.handler.ts'

/** Somebody whom the directory's feed does not list any more. */
export type RemovePersonCommand = { readonly tenantId: string; readonly person: string; readonly feed: string }

/** The groups that they left; undefined when they are in others meanwhile. */
type Answer = readonly string[] | undefined

/** Groups that somebody leaves at once: an append takes 500 events, and each stream is a lock out of a table that all share. */
const mostLeft = 400

/**
 * Ends what a person may do, and every membership, in one transaction: whoever comes back starts without any. Of somebody in
 * very many groups the first transaction ends all that they may do, and the last takes them off the list. Also of those in
 * groups whose people review, whoever connected the feed: inactive they could not review, and stay counted as if they could.
 */
export class RemovePerson {
  readonly #pool: pg.Pool
  readonly #store: EventStore

  constructor(pool: pg.Pool, store: EventStore) {
    this.#pool = pool
    this.#store = store
  }

  /** `unlist` takes them off the feed's list, in the same transaction. */
  async handle(command: RemovePersonCommand, unlist: (tx: Transaction) => Promise<void>): Promise<void> {
    const { tenantId, person } = command
    for (let tries = 1; tries <= 3; tries += 1) {
      let groups = await withTenants(this.#pool, [tenantId], (tx) => groupsOf(tx, command))
      for (; groups.length > mostLeft; groups = groups.slice(mostLeft))
        await this.#remove(command, groups.slice(0, mostLeft), undefined)
      if (await this.#remove(command, groups, unlist)) return
    }
    throw new Error(`the groups of ${person} kept changing`)
  }

  /**
   * From these groups alone without `unlist`; with it, false when somebody has put them into another group meanwhile: its
   * stream was not locked.
   */
  async #remove(
    { tenantId, person, feed }: RemovePersonCommand,
    groups: readonly string[],
    unlist: ((tx: Transaction) => Promise<void>) | undefined,
  ): Promise<boolean> {
    const change = { tenantId, changedBy: null, seeded: false, feed } as const
    const ref = registerStream(tenantId, 'person', person)
    const refs = groups.map((group) => ({ group, stream: registerStream(tenantId, 'group', group) }))
    const { answer } = await this.#store.execute(
      { streams: [ref, ...refs.map(({ stream }) => stream)] },
      {
        read: async (tx) => new Set(await groupsOf(tx, { tenantId, person })),
        decide: (_command, loaded, held): Decision<Answer> => {
          if (unlist !== undefined && [...held].some((group) => !groups.includes(group)))
            return { append: [], answer: undefined }
          const gone: EventOf<'DirectoryPersonRegistered'> = {
            type: 'DirectoryPersonRegistered',
            data: { person, active: false, changedBy: null, seeded: false, feed },
          }
          const isActive = lastOf(loaded.of(ref).events, 'DirectoryPersonRegistered')?.active === true
          const left = refs.filter(({ group }) => held.has(group))
          return {
            append: [
              ...(isActive ? [{ stream: ref, events: [gone] }] : []),
              ...left.map(({ group, stream }) => ({
                stream,
                events: [groupChanged({ ...change, group }, { added: [], removed: [person] })],
              })),
            ],
            answer: left.map(({ group }) => group),
          }
        },
        effects: async (tx, [decided]) => {
          if (decided?.answer === undefined) return
          await tx.query('update countersign.person set active = false where tenant_id = $1 and subject_id = $2', [
            tenantId,
            person,
          ])
          for (const group of decided.answer)
            await writeGroup(tx, { ...change, group }, { added: [], removed: [person] })
          await unlist?.(tx)
        },
      },
    )
    return answer !== undefined
  }
}

const groupsOf = async (
  tx: Transaction,
  { tenantId, person }: Pick<RemovePersonCommand, 'tenantId' | 'person'>,
): Promise<string[]> => {
  const { rows } = await tx.query<{ group_name: string }>(
    'select group_name from countersign.group_member where tenant_id = $1 and subject_id = $2 order by group_name',
    [tenantId, person],
  )
  return rows.map((row) => row.group_name)
}
