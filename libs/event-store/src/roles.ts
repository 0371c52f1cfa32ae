import type { Owner } from '@countersign/contracts'
import pg from 'pg'

/** Database roles of the store: the owner runs migrations, each service has one of its own. */
export const storeRoles = {
  owner: 'countersign_owner',
  intake: 'countersign_intake',
  policy: 'countersign_policy',
  notifier: 'countersign_notifier',
  ledger: 'countersign_ledger',
  lineage: 'countersign_lineage',
  relay: 'countersign_relay',
} as const

export type StoreRole = keyof typeof storeRoles

/** Role that appends the events of a service. */
export const roleOfOwner = (owner: Owner): string => storeRoles[owner]

// A forgotten transaction holds the gate of every reader of the cluster, so the server ends it.
const limits = ["statement_timeout = '10s'", "lock_timeout = '3s'", "idle_in_transaction_session_timeout = '15s'"]

/**
 * Creates the roles of the store, or gives existing ones these passwords, and lets the owner create schemas in the
 * database of the URL. Idempotent, and safe when several run at once. Roles are cluster-wide.
 */
export async function createRoles(options: {
  /** Superuser, with the database that will hold the store. */
  readonly superuserUrl: string
  readonly passwords: Readonly<Record<StoreRole, string>>
}): Promise<void> {
  const client = new pg.Client({ connectionString: options.superuserUrl })
  await client.connect()
  try {
    await client.query('begin')
    // Advisory locks end at the database; this one holds for the cluster.
    await client.query('lock table pg_catalog.pg_authid in share row exclusive mode')
    const { rows } = await client.query<{ rolname: string }>('select rolname from pg_catalog.pg_roles')
    const existing = new Set(rows.map((row) => row.rolname))
    for (const [key, role] of Object.entries(storeRoles) as [StoreRole, string][]) {
      const verb = existing.has(role) ? 'alter' : 'create'
      await client.query(
        `${verb} role ${role} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
         password ${client.escapeLiteral(options.passwords[key])}`,
      )
      if (key !== 'owner') for (const limit of limits) await client.query(`alter role ${role} set ${limit}`)
    }
    // For the age of the oldest write transaction, which belongs to any role.
    await client.query(`grant pg_read_all_stats to ${storeRoles.owner}`)
    const database = await client.query<{ name: string }>('select current_database() as name')
    const name = client.escapeIdentifier(database.rows[0]?.name ?? '')
    await client.query(`revoke all on database ${name} from public`)
    await client.query(`grant connect on database ${name} to ${Object.values(storeRoles).join(', ')}`)
    await client.query(`grant create on database ${name} to ${storeRoles.owner}`)
    await client.query('revoke create on schema public from public')
    await client.query('commit')
  } finally {
    await client.end()
  }
}
