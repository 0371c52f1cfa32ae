import type pg from 'pg'
import { storeRoles } from './roles.ts'

/** What a service must not find at its start. */
export type BootProblem = {
  readonly code:
    | 'in_recovery'
    | 'fsync_off'
    | 'full_page_writes_off'
    | 'synchronous_commit_off'
    | 'role_is_superuser'
    | 'role_is_owner'
    | 'role_bypasses_row_security'
    | 'role_may_change_events'
    | 'role_owns_foreign_events'
    | 'append_only_trigger_missing'
    | 'clock_skew'
  /** What was found; no secrets. */
  readonly detail: string
}

/** Largest difference between the service's clock and the database's, in milliseconds. */
export const maxClockSkewMs = 2_000

/** What the boot check looks at. */
export type BootFacts = {
  readonly role: string
  readonly inRecovery: boolean
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly isSuperuser: boolean
  readonly isOwner: boolean
  readonly bypassesRowSecurity: boolean
  readonly mayChangeEvents: boolean
  /** Event types that the database lets this role append. */
  readonly eventTypes: readonly string[]
  readonly missingTriggers: number
  /** Database clock minus own clock, in milliseconds, less what the round trip leaves open. */
  readonly clockSkewMs: number
}

type FactsRow = Omit<BootFacts, 'clockSkewMs'> & { readonly databaseNow: Date }

const factsQuery = `select
  session_user::text as "role",
  pg_is_in_recovery() as "inRecovery",
  current_setting('fsync') as "fsync",
  current_setting('full_page_writes') as "fullPageWrites",
  current_setting('synchronous_commit') as "synchronousCommit",
  r.rolsuper as "isSuperuser",
  r.rolbypassrls as "bypassesRowSecurity",
  pg_has_role(session_user, $1, 'member') as "isOwner",
  has_table_privilege(session_user, 'countersign.event', 'insert, update, delete, truncate, trigger')
    or exists (
      select from pg_inherits i
      where i.inhparent = 'countersign.event'::regclass
        and has_table_privilege(session_user, i.inhrelid, 'insert, update, delete, truncate, trigger')
    )
    or has_table_privilege(session_user, 'countersign.event_owner', 'insert, update, delete, truncate')
    as "mayChangeEvents",
  array(select o.type from countersign.event_owner o where pg_has_role(session_user, o.role_name, 'member')
    order by o.type) as "eventTypes",
  (select count(*)::integer from pg_partition_tree('countersign.event') p
    where p.isleaf and 2 <> (
      select count(*) from pg_trigger t
      where t.tgrelid = p.relid and t.tgname in ('only_appended', 'never_truncated') and t.tgenabled in ('O', 'A')
    )) as "missingTriggers",
  clock_timestamp() as "databaseNow"
from pg_roles r
where r.rolname = session_user`

/** Reads what the boot check looks at, over a connection of the service's own role. */
export async function readBootFacts(pool: pg.Pool, now: () => number = Date.now): Promise<BootFacts> {
  const client = await pool.connect()
  try {
    // The first statement of a connection is slower; only the second one measures the clocks.
    await client.query('select 1')
    const before = now()
    const { rows } = await client.query<FactsRow>(factsQuery, [storeRoles.owner])
    const after = now()
    const row = rows[0]
    if (row === undefined) throw new Error('the database knows nothing about this role')
    const { databaseNow, ...facts } = row
    const at = databaseNow.getTime()
    return { ...facts, clockSkewMs: at > after ? at - after : Math.min(0, at - before) }
  } finally {
    client.release()
  }
}

/** The problems in what was found; `ownTypes` are the wire types that the service owns. */
export function bootProblems(facts: BootFacts, ownTypes: readonly string[]): BootProblem[] {
  const own = new Set(ownTypes)
  const foreign = facts.eventTypes.filter((type) => !own.has(type))
  const checks: [BootProblem['code'], boolean, string][] = [
    ['in_recovery', facts.inRecovery, 'the server is a standby or still recovering'],
    ['fsync_off', facts.fsync !== 'on', `fsync is ${facts.fsync}`],
    ['full_page_writes_off', facts.fullPageWrites !== 'on', `full_page_writes is ${facts.fullPageWrites}`],
    [
      'synchronous_commit_off',
      facts.synchronousCommit !== 'on' && facts.synchronousCommit !== 'remote_apply',
      `synchronous_commit is ${facts.synchronousCommit}`,
    ],
    ['role_is_superuser', facts.isSuperuser, `${facts.role} is a superuser`],
    ['role_is_owner', facts.isOwner, `${facts.role} is the owner of the store or a member of it`],
    ['role_bypasses_row_security', facts.bypassesRowSecurity, `${facts.role} has BYPASSRLS`],
    ['role_may_change_events', facts.mayChangeEvents, `${facts.role} may write events without the append function`],
    ['role_owns_foreign_events', foreign.length > 0, `${facts.role} may append ${foreign.join(', ')}`],
    ['append_only_trigger_missing', facts.missingTriggers > 0, `${facts.missingTriggers} tables of events can change`],
    ['clock_skew', Math.abs(facts.clockSkewMs) > maxClockSkewMs, `clocks differ by ${facts.clockSkewMs} ms`],
  ]
  return checks.filter(([, isFound]) => isFound).map(([code, , detail]) => ({ code, detail }))
}

/** Problems for which a service refuses to start. A store that was restored or replaced is none: see `storeGuard`. */
export async function bootCheck(pool: pg.Pool, ownTypes: readonly string[]): Promise<BootProblem[]> {
  return bootProblems(await readBootFacts(pool), ownTypes)
}
