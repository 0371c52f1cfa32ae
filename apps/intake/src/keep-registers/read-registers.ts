import type { AgentList, EntryOwner, OpenChange, PrincipalKind, ProducerList } from '@countersign/contracts'
import { openChangesSql, prepared, withTenants } from '@countersign/event-store'
import type pg from 'pg'

/** Which entries are read; a page begins behind `after`. */
export type EntrySearch = {
  readonly name?: string | undefined
  readonly removed: boolean
  readonly after?: string | undefined
  readonly limit: number
}
export type AgentSearch = EntrySearch & { readonly producer?: string | undefined }

type EntryRow = {
  name: string
  iss: string | null
  client_id: string | null
  owner_subject_id: string | null
  owner_group: string | null
  seeded: boolean
  changed_by: string | null
  changed_at: Date
  removed_at: Date | null
  open_changes: OpenChange[]
}
type AgentRow = EntryRow & {
  subject_id: string
  kind: PrincipalKind
  producer: string
  executor_key_thumbprint: string | null
}

const ownerOf = ({ owner_subject_id: person, owner_group: group }: EntryRow): EntryOwner | null => {
  if (group !== null) return { group }
  return person === null ? null : { person }
}

const entryOf = (row: EntryRow) => ({
  name: row.name,
  issuer: row.iss,
  clientId: row.client_id,
  owner: ownerOf(row),
  seeded: row.seeded,
  changedBy: row.changed_by,
  changedAt: row.changed_at.toISOString(),
  ...(row.removed_at === null ? {} : { removedAt: row.removed_at.toISOString() }),
  openChanges: row.open_changes,
})

/** A page, and where the next one begins. One row more than asked for says that there is one. */
const pageOf = <Row extends EntryRow>(rows: readonly Row[], limit: number) => {
  const page = rows.slice(0, limit)
  const next = rows.length > limit ? page.at(-1)?.name : undefined
  return { page, more: next === undefined ? {} : { next } }
}

/** Reads the registers of a tenant by name, with the changes that nobody else has reviewed. */
export class ReadRegisters {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async agents(tenantId: string, { name, producer, removed, after, limit }: AgentSearch): Promise<AgentList> {
    const { rows } = await withTenants(this.#pool, [tenantId], (tx) =>
      tx.query<AgentRow>(
        prepared(
          `select e.*, ${openChangesSql('agent', 'e')} as open_changes from countersign.agent e
         where e.tenant_id = $1 and ($2::text is null or e.name = $2) and ($3::text is null or e.producer = $3)
           and ($4 or e.removed_at is null) and ($5::text is null or e.name > $5 collate "C")
         order by e.name collate "C" limit $6`,
          [tenantId, name ?? null, producer ?? null, removed, after ?? null, limit + 1],
        ),
      ),
    )
    const { page, more } = pageOf(rows, limit)
    const agents = page.map((row) => ({
      ...entryOf(row),
      subjectId: row.subject_id,
      kind: row.kind,
      producer: row.producer,
      ...(row.executor_key_thumbprint === null ? {} : { executorKey: { thumbprint: row.executor_key_thumbprint } }),
    }))
    return { agents, ...more }
  }

  async producers(tenantId: string, { name, removed, after, limit }: EntrySearch): Promise<ProducerList> {
    const { rows } = await withTenants(this.#pool, [tenantId], (tx) =>
      tx.query<EntryRow>(
        prepared(
          `select e.*, ${openChangesSql('producer', 'e')} as open_changes from countersign.producer e
         where e.tenant_id = $1 and ($2::text is null or e.name = $2)
           and ($3 or e.removed_at is null) and ($4::text is null or e.name > $4 collate "C")
         order by e.name collate "C" limit $5`,
          [tenantId, name ?? null, removed, after ?? null, limit + 1],
        ),
      ),
    )
    const { page, more } = pageOf(rows, limit)
    return { producers: page.map(entryOf), ...more }
  }
}
