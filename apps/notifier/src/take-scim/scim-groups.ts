import { type ChangedGroup, isRefusal, type Refusal } from '@countersign/contracts'
import { newId, prepared, type Transaction, withTenants } from '@countersign/event-store'
import type pg from 'pg'
import type { ChangeGroup, ChangeGroupCommand } from '../keep-directory/change-group.handler.ts'
import type { DirectoryFeed } from './directory-feed.ts'
import { invalidValue, notFound, ScimError } from './scim-error.ts'
import { readFilter } from './scim-filter.ts'
import { type GroupChange, patchedGroup, readGroup } from './scim-patch.ts'
import { groupBody, type GroupRow, largestPage, type Listing, type ScimResource } from './scim-resource.ts'
import type { PageQuery } from './scim-users.ts'

export type ScimGroupsOptions = { readonly pool: pg.Pool; readonly groups: ChangeGroup; readonly baseUrl: string }

const columns = 'group_id, name, display_name, external_id, changed_at'
const columnOf = { id: 'group_id::text', displayname: 'lower(display_name)', externalid: 'external_id' } as const

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A group as rules name it: `Data Owners` is `data-owners`. */
const ruleName = (displayName: string): string => {
  const name = displayName
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  if (name === '' || name.length > 64) throw invalidValue('displayName has 1 to 64 letters a to z, digits or dashes.')
  return name
}

/**
 * Groups as a directory pushes them: who is in one is changed by the same handler and event as by an operator. A group's name
 * is what rules ask for, so a group that is called otherwise is another one.
 */
export class ScimGroups {
  readonly #options: ScimGroupsOptions

  constructor(options: ScimGroupsOptions) {
    this.#options = options
  }

  /** A group that operators made before is taken over: its members are those that are sent, and no others. */
  async create(feed: DirectoryFeed, resource: ScimResource): Promise<ScimResource> {
    const { displayName, externalId = null, members = [] } = readGroup(resource)
    if (displayName === undefined) throw invalidValue('displayName is required.')
    const name = ruleName(displayName)
    const { tenantId } = feed
    let row: GroupRow | undefined
    const changed = await this.#options.groups.list(changeBy(feed, name, { members }), {
      isTaken: (tx) => isTaken(tx, tenantId, name),
      write: async (tx) => {
        row = await listGroup(tx, tenantId, { groupId: newId(), name, displayName, externalId })
      },
    })
    if (changed === undefined) throw new ScimError(409, 'There is a group of that name already.', 'uniqueness')
    const { members: all } = orScimError(changed)
    if (row === undefined) throw new Error('a group was not listed')
    return groupBody(row, this.#options.baseUrl, all.toSorted())
  }

  async read(feed: DirectoryFeed, id: string, withMembers: boolean): Promise<ScimResource> {
    return this.#body(feed, await this.#known(feed, id), withMembers)
  }

  async list(
    feed: DirectoryFeed,
    { filter, startIndex = 1, count = largestPage }: PageQuery,
    withMembers: boolean,
  ): Promise<Listing> {
    const wanted = readFilter(filter, ['id', 'displayname', 'externalid'])
    const column = wanted === undefined ? 'null' : columnOf[wanted.attribute as keyof typeof columnOf]
    const value = wanted?.attribute === 'displayname' ? wanted.value.toLowerCase() : (wanted?.value ?? null)
    const { rows } = await this.#options.pool.query<GroupRow & { total: string }>(
      prepared(
        `select count(*) over () as total, ${columns} from notifier.scim_group
       where tenant_id = $1 and ($2::text is null or ${column} = $2) order by group_id offset $3 limit $4`,
        [feed.tenantId, value, Math.max(0, startIndex - 1), Math.min(Math.max(0, count), largestPage)],
      ),
    )
    const resources: ScimResource[] = []
    for (const row of rows) resources.push(await this.#body(feed, row, withMembers))
    return { total: Number(rows[0]?.total ?? 0), startIndex: Math.max(1, startIndex), resources }
  }

  async replace(feed: DirectoryFeed, id: string, resource: ScimResource): Promise<ScimResource> {
    const { members = [], ...said } = readGroup(resource)
    return this.#change(feed, await this.#known(feed, id), { ...said, members, add: [], remove: [] })
  }

  async patch(feed: DirectoryFeed, id: string, body: ScimResource): Promise<ScimResource> {
    return this.#change(feed, await this.#known(feed, id), patchedGroup(body))
  }

  /** Nobody is in a group that was deleted, so nobody fills a seat of it. */
  async remove(feed: DirectoryFeed, id: string): Promise<void> {
    const { name } = await this.#known(feed, id)
    const { tenantId } = feed
    const changed = await this.#options.groups.list(changeBy(feed, name, { members: [] }), {
      write: async (tx) => {
        await tx.query('delete from notifier.scim_group where tenant_id = $1 and group_id = $2', [tenantId, id])
      },
    })
    orScimError(changed)
  }

  async #known({ tenantId }: DirectoryFeed, id: string): Promise<GroupRow> {
    const { rows } = await this.#options.pool.query<GroupRow>(
      prepared(`select ${columns} from notifier.scim_group where tenant_id = $1 and group_id = $2`, [tenantId, id]),
    )
    const [row] = rows
    if (row === undefined) throw notFound()
    return row
  }

  /** Who is in it and how it is described, in one transaction. */
  async #change(
    feed: DirectoryFeed,
    known: GroupRow,
    { displayName, externalId, ...people }: GroupChange,
  ): Promise<ScimResource> {
    if (displayName !== undefined && ruleName(displayName) !== known.name)
      throw new ScimError(400, 'Rules ask for the group by its name, so it is not renamed: make another.', 'mutability')
    const { tenantId } = feed
    let row: GroupRow | undefined
    const changed = await this.#options.groups.list(changeBy(feed, known.name, people), {
      write: async (tx) => {
        row = await describeGroup(tx, tenantId, { groupId: known.group_id, displayName, externalId })
      },
    })
    const { members } = orScimError(changed)
    if (row === undefined) throw new Error('a group was not described')
    return groupBody(row, this.#options.baseUrl, members.toSorted())
  }

  async #members({ tenantId }: DirectoryFeed, name: string): Promise<string[]> {
    const { rows } = await withTenants(this.#options.pool, [tenantId], (tx) =>
      tx.query<{ subject_id: string }>(
        prepared(
          'select subject_id from countersign.group_member where tenant_id = $1 and group_name = $2 order by subject_id',
          [tenantId, name],
        ),
      ),
    )
    return rows.map((row) => row.subject_id)
  }

  async #body(feed: DirectoryFeed, row: GroupRow, withMembers: boolean): Promise<ScimResource> {
    return groupBody(row, this.#options.baseUrl, withMembers ? await this.#members(feed, row.name) : undefined)
  }
}

/** What a push says about the people of a group: all of them, or who comes and who leaves, or first the one and then the other. */
type Pushed = Pick<GroupChange, 'members'> & Partial<Pick<GroupChange, 'add' | 'remove'>>

const changeBy = (
  { tenantId, feedId }: DirectoryFeed,
  group: string,
  { members, add = [], remove = [] }: Pushed,
): ChangeGroupCommand => {
  const coming = [...(members ?? []), ...add]
  if (coming.some((person) => !uuid.test(person))) throw invalidValue('A member is not a user of this directory.')
  const leaving = new Set(remove)
  const change = { tenantId, group, changedBy: null, seeded: false, feed: feedId } as const
  if (members === undefined) return { ...change, add: coming, remove: remove.filter((person) => uuid.test(person)) }
  return { ...change, add: coming.filter((person) => !leaving.has(person)), remove: [], isWhole: true }
}

const orScimError = (changed: ChangedGroup | Refusal | undefined): ChangedGroup => {
  if (changed === undefined) throw notFound()
  if (!isRefusal(changed)) return changed
  if (changed.code === 'not_allowed')
    throw new ScimError(409, 'Nobody leaves this group before another person has reviewed the connection.')
  throw invalidValue('A member is not a user of this directory.')
}

const isTaken = async (tx: Transaction, tenantId: string, name: string): Promise<boolean> => {
  const { rows } = await tx.query(
    prepared('select from notifier.scim_group where tenant_id = $1 and name = $2', [tenantId, name]),
  )
  return rows.length > 0
}

/** A name that another transaction has taken since ends this one (23505); decided again, it is seen. */
const listGroup = async (
  tx: Transaction,
  tenantId: string,
  group: {
    readonly groupId: string
    readonly name: string
    readonly displayName: string
    readonly externalId: string | null
  },
): Promise<GroupRow | undefined> => {
  const { rows } = await tx.query<GroupRow>(
    `insert into notifier.scim_group (tenant_id, group_id, name, display_name, external_id) values ($1, $2, $3, $4, $5)
     returning ${columns}`,
    [tenantId, group.groupId, group.name, group.displayName, group.externalId],
  )
  return rows[0]
}

/** Throws when somebody has deleted the group since, so that nothing of the push is done. */
const describeGroup = async (
  tx: Transaction,
  tenantId: string,
  {
    groupId,
    displayName,
    externalId,
  }: { readonly groupId: string; readonly displayName: string | undefined; readonly externalId: string | undefined },
): Promise<GroupRow> => {
  const { rows } = await tx.query<GroupRow>(
    `update notifier.scim_group set display_name = coalesce($3, display_name), external_id = coalesce($4, external_id),
       changed_at = clock_timestamp() where tenant_id = $1 and group_id = $2 returning ${columns}`,
    [tenantId, groupId, displayName ?? null, externalId ?? null],
  )
  const [row] = rows
  if (row === undefined) throw notFound()
  return row
}
