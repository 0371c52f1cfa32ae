import { isRefusal, refusals } from '@countersign/contracts'
import { prepared, type Transaction, withTenants } from '@countersign/event-store'
import { findSecret, hasHiddenText } from '@countersign/redaction'
import type pg from 'pg'
import type { RegisterPerson } from '../keep-directory/register-person.handler.ts'
import type { RemovePerson } from '../keep-directory/remove-person.handler.ts'
import type { DirectoryFeed } from './directory-feed.ts'
import { invalidValue, notFound, ScimError } from './scim-error.ts'
import { readFilter } from './scim-filter.ts'
import { patchedUser, readUser, type UserAttributes } from './scim-patch.ts'
import { largestPage, type Listing, type ScimResource, userBody, type UserRow } from './scim-resource.ts'

export type PageQuery = { readonly filter?: string; readonly startIndex?: number; readonly count?: number }

export type ScimUsersOptions = {
  readonly pool: pg.Pool
  readonly people: RegisterPerson
  readonly removal: RemovePerson
  readonly baseUrl: string
}

const columns = `u.person, u.user_name, u.external_id, u.changed_at, p.display_name, p.email, p.active
  from notifier.scim_user u join countersign.person p on p.tenant_id = u.tenant_id and p.subject_id = u.person`

const columnOf = { id: 'u.person::text', username: 'lower(u.user_name)', externalid: 'u.external_id' } as const

/** Names are shown on cards, so they hold nothing that nobody sees and no secret. */
const checkedText = (value: string, name: string): string => {
  if (hasHiddenText(value) || findSecret(value) !== undefined) throw invalidValue(`${name} is a plain text.`)
  return value
}

const nameTaken = (): ScimError => new ScimError(409, 'There is a user of that name already.', 'uniqueness')

/**
 * People as a directory pushes them. Everything goes through the same handlers and events as what an operator does. Which
 * attribute is the subject at the issuer was said when the feed was connected, and it never changes for a person: somebody
 * else's subject is somebody else.
 */
export class ScimUsers {
  readonly #options: ScimUsersOptions

  constructor(options: ScimUsersOptions) {
    this.#options = options
  }

  async create(feed: DirectoryFeed, resource: ScimResource): Promise<ScimResource> {
    const said = readUser(resource)
    const { userName } = said
    if (userName === undefined) throw invalidValue('userName is required.')
    const subject = feed.subjectFrom === 'externalId' ? said.externalId : userName
    if (subject === undefined) throw invalidValue('externalId is required: it is the subject at the issuer.')
    return this.#write(feed, subject, { ...said, userName })
  }

  async read(feed: DirectoryFeed, id: string): Promise<ScimResource> {
    return userBody(await this.#known(feed, id), this.#options.baseUrl)
  }

  async list(feed: DirectoryFeed, { filter, startIndex = 1, count = largestPage }: PageQuery): Promise<Listing> {
    const wanted = readFilter(filter, ['id', 'username', 'externalid'])
    const column = wanted === undefined ? 'null' : columnOf[wanted.attribute as keyof typeof columnOf]
    const value = wanted?.attribute === 'username' ? wanted.value.toLowerCase() : (wanted?.value ?? null)
    const { rows } = await withTenants(this.#options.pool, [feed.tenantId], (tx) =>
      tx.query<UserRow & { total: string }>(
        prepared(
          `select count(*) over () as total, ${columns}
         where u.tenant_id = $1 and u.deleted_at is null and ($2::text is null or ${column} = $2)
         order by u.person offset $3 limit $4`,
          [feed.tenantId, value, Math.max(0, startIndex - 1), Math.min(Math.max(0, count), largestPage)],
        ),
      ),
    )
    const resources = rows.map((row) => userBody(row, this.#options.baseUrl))
    return { total: Number(rows[0]?.total ?? 0), startIndex: Math.max(1, startIndex), resources }
  }

  async replace(feed: DirectoryFeed, id: string, resource: ScimResource): Promise<ScimResource> {
    const known = await this.#known(feed, id)
    const said = readUser(resource)
    if (said.userName === undefined) throw invalidValue('userName is required.')
    return this.#change(feed, known, { active: known.active, ...said })
  }

  async patch(feed: DirectoryFeed, id: string, body: ScimResource): Promise<ScimResource> {
    const known = await this.#known(feed, id)
    const { removed, ...said } = patchedUser(body)
    const kept = removed.includes('emails') || known.email === null ? {} : { email: known.email }
    return this.#change(feed, known, { active: known.active, displayName: known.display_name, ...kept, ...said })
  }

  /** Ends what a person may do, and every membership: somebody who comes back starts without any. */
  async remove(feed: DirectoryFeed, id: string): Promise<void> {
    const { person } = await this.#known(feed, id)
    const { tenantId, feedId } = feed
    await this.#options.removal.handle({ tenantId, person, feed: feedId }, async (tx) => {
      await tx.query(
        'update notifier.scim_user set deleted_at = clock_timestamp() where tenant_id = $1 and person = $2',
        [tenantId, person],
      )
    })
  }

  async #known({ tenantId }: DirectoryFeed, id: string): Promise<UserRow & { readonly subject: string }> {
    const { rows } = await withTenants(this.#options.pool, [tenantId], (tx) =>
      tx.query<UserRow & { subject: string }>(
        prepared(
          `select s.sub as subject, ${columns}
         join countersign.subject s on s.tenant_id = u.tenant_id and s.subject_id = u.person
         where u.tenant_id = $1 and u.person = $2 and u.deleted_at is null`,
          [tenantId, id],
        ),
      ),
    )
    const [row] = rows
    if (row === undefined) throw notFound()
    return row
  }

  /** What the subject is taken from stays what it was. */
  async #change(
    feed: DirectoryFeed,
    known: UserRow & { readonly subject: string },
    said: UserAttributes,
  ): Promise<ScimResource> {
    const userName = said.userName ?? known.user_name
    const externalId = said.externalId ?? known.external_id ?? undefined
    const subject = feed.subjectFrom === 'externalId' ? externalId : userName
    if (subject !== known.subject)
      throw new ScimError(400, `${feed.subjectFrom} names the person and does not change.`, 'mutability')
    return this.#write(
      feed,
      known.subject,
      {
        ...said,
        userName,
        ...(externalId === undefined ? {} : { externalId }),
      },
      known.person,
    )
  }

  async #write(
    { tenantId, feedId, issuer }: DirectoryFeed,
    subject: string,
    said: UserAttributes & { readonly userName: string },
    known?: string,
  ): Promise<ScimResource> {
    const { people, baseUrl } = this.#options
    const { userName, externalId = null, email, active = true } = said
    const displayName = checkedText((said.displayName ?? userName).slice(0, 128), 'displayName')
    if (email !== undefined) checkedText(email, 'emails.value')
    let written = new Date()
    const registered = await people.list(
      {
        tenantId,
        issuer,
        subject,
        displayName,
        ...(email === undefined ? {} : { email }),
        active,
        changedBy: null,
        seeded: false,
        feed: feedId,
      },
      {
        isTaken: (tx) => isTaken(tx, tenantId, { userName, issuer, subject, known }),
        write: async (tx, person) => {
          written = await listUser(tx, tenantId, { person, userName, externalId })
        },
      },
    )
    if (registered === undefined) throw nameTaken()
    if (isRefusal(registered)) throw new ScimError(409, `${refusals.person_taken.title}.`, 'uniqueness')
    return userBody(
      {
        person: registered.person,
        user_name: userName,
        external_id: externalId,
        display_name: displayName,
        email: email ?? null,
        active,
        changed_at: written,
      },
      baseUrl,
    )
  }
}

type Wanted = {
  readonly userName: string
  readonly issuer: string
  readonly subject: string
  /** Who has the name already, when it is theirs to keep. */
  readonly known: string | undefined
}

/** Whether another user has the name, or a new one's subject is a user already. */
const isTaken = async (
  tx: Transaction,
  tenantId: string,
  { userName, issuer, subject, known }: Wanted,
): Promise<boolean> => {
  const { rows } = await tx.query(
    prepared(
      `select from notifier.scim_user u
       join countersign.subject s on s.tenant_id = u.tenant_id and s.subject_id = u.person
       where u.tenant_id = $1 and u.deleted_at is null and ($5::uuid is null or u.person <> $5)
         and (lower(u.user_name) = lower($2) or (s.iss = $3 and s.sub = $4)) limit 1`,
      [tenantId, userName, issuer, subject, known ?? null],
    ),
  )
  return rows.length > 0
}

/**
 * Writes a user, and answers when. A name that another transaction has taken since it was looked for ends this one (23505); the
 * store decides it again, and then it is seen.
 */
const listUser = async (
  tx: Transaction,
  tenantId: string,
  {
    person,
    userName,
    externalId,
  }: { readonly person: string; readonly userName: string; readonly externalId: string | null },
): Promise<Date> => {
  const { rows } = await tx.query<{ changed_at: Date }>(
    `insert into notifier.scim_user (tenant_id, person, user_name, external_id) values ($1, $2, $3, $4)
     on conflict (tenant_id, person) do update set user_name = excluded.user_name, external_id = excluded.external_id,
       changed_at = clock_timestamp(), deleted_at = null
     returning changed_at`,
    [tenantId, person, userName, externalId],
  )
  const [row] = rows
  if (row === undefined) throw new Error('a user was not listed')
  return row.changed_at
}
