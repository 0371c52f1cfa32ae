import type { GroupList, OpenChange, PeopleList, PersonKind } from '@countersign/contracts'
import { openChangesSql, prepared, withTenants } from '@countersign/event-store'
import type pg from 'pg'

/** Which people are read; a page begins behind the subject id `after`. */
export type PeopleSearch = {
  readonly person?: string | undefined
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
  readonly group?: string | undefined
  readonly after?: string | undefined
  readonly limit: number
}
export type GroupSearch = {
  readonly name?: string | undefined
  readonly after?: string | undefined
  readonly limit: number
}

type PersonRow = {
  subject_id: string
  iss: string | null
  sub: string | null
  display_name: string
  email: string | null
  active: boolean
  kind: PersonKind
  groups: string[] | null
}
type GroupRow = {
  name: string
  members: string
  seeded: boolean
  changed_by: string | null
  changed_at: Date
  open_changes: OpenChange[]
}

/** Reads the directory of a tenant. One row more than asked for says that there is another page. */
export class ReadDirectory {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async people(tenantId: string, { person, issuer, subject, group, after, limit }: PeopleSearch): Promise<PeopleList> {
    const { rows } = await withTenants(this.#pool, [tenantId], (tx) =>
      tx.query<PersonRow>(
        prepared(
          `select p.subject_id, s.iss, s.sub, p.display_name, p.email, p.active, p.kind,
           (select array_agg(m.group_name order by m.group_name) from countersign.group_member m
            where m.tenant_id = p.tenant_id and m.subject_id = p.subject_id) as groups
         from countersign.person p
         left join countersign.subject s on s.tenant_id = p.tenant_id and s.subject_id = p.subject_id
         where p.tenant_id = $1 and ($2::uuid is null or p.subject_id = $2) and ($3::text is null or s.iss = $3)
           and ($4::text is null or s.sub = $4) and ($5::text is null or exists (select from countersign.group_member g
             where g.tenant_id = p.tenant_id and g.subject_id = p.subject_id and g.group_name = $5))
           and ($6::uuid is null or p.subject_id > $6)
         order by p.subject_id limit $7`,
          [tenantId, person ?? null, issuer ?? null, subject ?? null, group ?? null, after ?? null, limit + 1],
        ),
      ),
    )
    const people = rows.slice(0, limit).map((row) => ({
      person: row.subject_id,
      issuer: row.iss,
      subject: row.sub,
      displayName: row.display_name,
      ...(row.email === null ? {} : { email: row.email }),
      active: row.active,
      ...(row.kind === 'human' ? {} : { kind: row.kind }),
      groups: row.groups ?? [],
    }))
    const next = rows.length > limit ? people.at(-1)?.person : undefined
    return { people, ...(next === undefined ? {} : { next }) }
  }

  async groups(tenantId: string, { name, after, limit }: GroupSearch): Promise<GroupList> {
    const { rows } = await withTenants(this.#pool, [tenantId], (tx) =>
      tx.query<GroupRow>(
        prepared(
          `select e.name, e.seeded, e.changed_by, e.changed_at, ${openChangesSql('directory_group', 'e')} as open_changes,
           (select count(*) from countersign.group_member m
            where m.tenant_id = e.tenant_id and m.group_name = e.name) as members
         from countersign.directory_group e
         where e.tenant_id = $1 and ($2::text is null or e.name = $2) and ($3::text is null or e.name > $3 collate "C")
         order by e.name collate "C" limit $4`,
          [tenantId, name ?? null, after ?? null, limit + 1],
        ),
      ),
    )
    const groups = rows.slice(0, limit).map((row) => ({
      name: row.name,
      members: Number(row.members),
      seeded: row.seeded,
      changedBy: row.changed_by,
      changedAt: row.changed_at.toISOString(),
      openChanges: row.open_changes,
    }))
    const next = rows.length > limit ? groups.at(-1)?.name : undefined
    return { groups, ...(next === undefined ? {} : { next }) }
  }
}
