import { isRefusal } from '@countersign/contracts'
import { newId, prepared, withTenants } from '@countersign/event-store'
import type pg from 'pg'
import type { ChangeGroup } from '../keep-directory/change-group.handler.ts'
import type { DirectoryFeed } from './directory-feed.ts'
import { invalidValue, notFound, ScimError } from './scim-error.ts'
import { readFilter } from './scim-filter.ts'
import { patchedGroup, readGroup } from './scim-patch.ts'
import { groupBody, type GroupRow, largestPage, type Listing, type ScimResource } from './scim-resource.ts'
import type { PageQuery } from './scim-users.ts'

export type ScimGroupsOptions = { readonly pool: pg.Pool; readonly groups: ChangeGroup; readonly baseUrl: string }

const columns = 'group_id, name, display_name, external_id, changed_at'
const columnOf = { id: 'group_id::text', displayname: 'lower(display_name)', externalid: 'external_id' } as const

/** People whom one event may add or remove. */
const mostAtOnce = 256

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
    const { rows } = await this.#options.pool.query<GroupRow>(
      `insert into notifier.scim_group (tenant_id, group_id, name, display_name, external_id) values ($1, $2, $3, $4, $5)
       on conflict (tenant_id, name) do nothing returning ${columns}`,
      [tenantId, newId(), name, displayName, externalId],
    )
    const [row] = rows
    if (row === undefined) throw new ScimError(409, 'There is a group of that name already.', 'uniqueness')
    try {
      await this.#setMembers(feed, row, members)
    } catch (error) {
      await this.#forget(feed, row.group_id)
      throw error
    }
    return this.#body(feed, row, true)
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
    const known = await this.#known(feed, id)
    const { displayName, externalId, members = [] } = readGroup(resource)
    await this.#describe(feed, known, { displayName, externalId })
    await this.#setMembers(feed, known, members)
    return this.read(feed, id, true)
  }

  async patch(feed: DirectoryFeed, id: string, body: ScimResource): Promise<ScimResource> {
    const known = await this.#known(feed, id)
    const { displayName, externalId, members, add, remove } = patchedGroup(body)
    await this.#describe(feed, known, { displayName, externalId })
    if (members !== undefined) await this.#setMembers(feed, known, members)
    await this.#changeMembers(feed, known, add, remove)
    return this.read(feed, id, true)
  }

  /** Nobody is in a group that was deleted, so nobody fills a seat of it. */
  async remove(feed: DirectoryFeed, id: string): Promise<void> {
    await this.#setMembers(feed, await this.#known(feed, id), [])
    await this.#forget(feed, id)
  }

  async #known({ tenantId }: DirectoryFeed, id: string): Promise<GroupRow> {
    const { rows } = await this.#options.pool.query<GroupRow>(
      prepared(`select ${columns} from notifier.scim_group where tenant_id = $1 and group_id = $2`, [tenantId, id]),
    )
    const [row] = rows
    if (row === undefined) throw notFound()
    return row
  }

  async #describe(
    { tenantId }: DirectoryFeed,
    known: GroupRow,
    { displayName, externalId }: { displayName?: string | undefined; externalId?: string | undefined },
  ): Promise<void> {
    if (displayName !== undefined && ruleName(displayName) !== known.name)
      throw new ScimError(400, 'Rules ask for the group by its name, so it is not renamed: make another.', 'mutability')
    await this.#options.pool.query(
      `update notifier.scim_group set display_name = coalesce($3, display_name), external_id = coalesce($4, external_id),
         changed_at = clock_timestamp() where tenant_id = $1 and group_id = $2`,
      [tenantId, known.group_id, displayName ?? null, externalId ?? null],
    )
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

  async #setMembers(feed: DirectoryFeed, row: GroupRow, members: readonly string[]): Promise<void> {
    const before = await this.#members(feed, row.name)
    const wanted = new Set(members)
    await this.#changeMembers(
      feed,
      row,
      members,
      before.filter((person) => !wanted.has(person)),
    )
  }

  async #changeMembers(
    { tenantId, feedId }: DirectoryFeed,
    { name: group }: GroupRow,
    add: readonly string[],
    remove: readonly string[],
  ): Promise<void> {
    if (add.some((person) => !uuid.test(person))) throw invalidValue('A member is not a user of this directory.')
    const gone = remove.filter((person) => uuid.test(person))
    // A change of nobody makes the group.
    for (let at = 0; at === 0 || at < Math.max(add.length, gone.length); at += mostAtOnce) {
      const changed = await this.#options.groups.handle({
        tenantId,
        group,
        add: add.slice(at, at + mostAtOnce),
        remove: gone.slice(at, at + mostAtOnce),
        changedBy: null,
        seeded: false,
        feed: feedId,
      })
      if (isRefusal(changed) && changed.code === 'not_allowed')
        throw new ScimError(409, 'Nobody leaves this group before another person has reviewed the connection.')
      if (isRefusal(changed)) throw invalidValue('A member is not a user of this directory.')
    }
  }

  async #forget({ tenantId }: DirectoryFeed, id: string): Promise<void> {
    await this.#options.pool.query('delete from notifier.scim_group where tenant_id = $1 and group_id = $2', [
      tenantId,
      id,
    ])
  }

  async #body(feed: DirectoryFeed, row: GroupRow, withMembers: boolean): Promise<ScimResource> {
    return groupBody(row, this.#options.baseUrl, withMembers ? await this.#members(feed, row.name) : undefined)
  }
}
