import { eventDefinitions, ownedTypes, wireTypeOf } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootCheck } from './boot-check.ts'
import { eventStore } from './event-store.ts'
import { type StoreRole, storeRoles } from './roles.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId } from './stream.ts'
import { withTenants } from './transaction.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
  const ref = { kind: 'intent', streamId: newId(), tenantId: spec.tenantId } as const
  const event = { type: 'IntentWithdrawn', data: { intentId: ref.streamId, by: newId() } } as const
  await eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } }).execute(
    { streams: [ref] },
    { decide: () => ({ append: [{ stream: ref, events: [event] }], answer: 0 }) },
  )
})
afterAll(() => spec.drop())

const services = (Object.keys(storeRoles) as StoreRole[]).filter((role) => role !== 'owner')
const owners = ['intake', 'policy', 'notifier'] as const
const denied = '42501'

/** What appending one event of a type gets a role: undefined where it is appended. */
const appending = async (role: StoreRole, type: string): Promise<string | undefined> => {
  const values = [['attempts'], [newId()], [spec.tenantId], [null], [1], [newId()], [type], ['{}'], ['{}']]
  try {
    await withTenants(spec.poolOf(role), [spec.tenantId], (tx) =>
      tx.query('select countersign.append($1, $2, $3, $4, $5, $6, $7, $8, $9)', values),
    )
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('each role and each event type', () => {
  it.each(services)('lets %s append what it owns by the catalogue and nothing else', async (role) => {
    const mayAppend = owners.some((owner) => owner === role)
    const wanted: Record<string, string | undefined> = {}
    const found: Record<string, string | undefined> = {}
    for (const { name, owner } of eventDefinitions) {
      found[name] = await appending(role, wireTypeOf(name))
      wanted[name] = owner === role ? undefined : mayAppend ? 'CS003' : denied
    }
    expect(found).toEqual(wanted)
  })

  it.each(owners)('refuses to start %s when its role was given one type of another service', async (role) => {
    for (const other of owners.filter((owner) => owner !== role)) {
      for (const type of ownedTypes(other)) {
        await spec.superuser.query('insert into countersign.event_owner (type, role_name) values ($1, $2)', [
          `${type}.given`,
          storeRoles[role],
        ])
        const problems = await bootCheck(spec.poolOf(role), ownedTypes(role))
        expect(problems, type).toEqual([
          { code: 'role_owns_foreign_events', detail: `${storeRoles[role]} may append ${type}.given` },
        ])
        await spec.superuser.query('delete from countersign.event_owner where type = $1', [`${type}.given`])
      }
    }
  })
})

type Table = { table: string; secured: boolean }

/** Every table with a tenant in it, of whatever schema. */
const tenantTables = async (): Promise<Table[]> => {
  const { rows } = await spec.superuser.query<Table>(
    `select format('%I.%I', n.nspname, c.relname) as table, c.relrowsecurity as secured
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = 'countersign' order by 1`,
  )
  return rows
}

describe('each role and each table of a tenant', () => {
  /** Who finds out by them which tenant somebody belongs to, or reads for all tenants. */
  const readsAll: Readonly<Record<string, readonly string[]>> = {
    'countersign.event': ['relay', 'ledger'],
    'countersign.subject': ['ledger'],
    'countersign.producer': ['intake', 'relay'],
    'countersign.agent': ['intake'],
    'countersign.account': ['notifier'],
  }
  /** Holds names of tenants and nothing of theirs; no service reads it for a caller. */
  const open = ['countersign.stream_head', 'countersign.tenant']

  beforeAll(async () => {
    for (const { table } of await tenantTables()) {
      const { rowCount } = await spec.superuser.query(`select from ${table} limit 1`)
      if (rowCount === 0) await fill(table)
    }
  })

  it('is behind row-level security', async () => {
    const tables = await tenantTables()
    expect(tables.length).toBeGreaterThan(15)
    expect(tables.flatMap(({ table, secured }) => (secured ? [] : [table]))).toEqual(open)
  })

  it.each(services)(
    'gives %s no row while no tenant is named, and none of a tenant that is not named',
    async (role) => {
      const seen: Record<string, string> = {}
      for (const { table } of await tenantTables()) {
        if (open.includes(table) || readsAll[table]?.includes(role) === true) continue
        const unnamed = await answerTo(spec.poolOf(role).query(`select from ${table}`))
        // Not even an empty answer: a read that names no tenant is a mistake of the service, or it may not read at all.
        if (unnamed !== 'CS007' && unnamed !== denied) seen[table] = unnamed
        const foreign = await answerTo(
          withTenants(spec.poolOf(role), [newId()], (tx) => tx.query(`select from ${table}`)),
        )
        if (foreign !== '0 rows' && foreign !== denied) seen[`${table} of another tenant`] = foreign
      }
      expect(seen).toEqual({})
    },
  )
})

const answerTo = (query: Promise<{ rowCount: number | null }>): Promise<string> =>
  query.then(
    ({ rowCount }) => `${rowCount} rows`,
    ({ code }: { code: string }) => code,
  )

/** A row of the tenant in a table that has none, whatever its columns mean: what is hidden has to be there. */
const fill = async (table: string): Promise<void> => {
  const { rows: checks } = await spec.superuser.query<{ name: string }>(
    `select conname as name from pg_constraint where conrelid = $1::regclass and contype in ('c', 'f')`,
    [table],
  )
  for (const { name } of checks) await spec.superuser.query(`alter table ${table} drop constraint "${name}"`)
  const { rows: columns } = await spec.superuser.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attnotnull and attgenerated = ''
       and attidentity = ''`,
    [table],
  )
  const values: Record<string, string> = {
    uuid: 'gen_random_uuid()',
    bytea: `'\\x00'`,
    boolean: 'false',
    jsonb: `'{}'`,
    integer: '1',
    bigint: '1',
    xid8: `'1'`,
  }
  const valueOf = ({ name, type }: { name: string; type: string }): string => {
    if (name === 'tenant_id') return '$1'
    return type.startsWith('timestamp') ? 'now()' : (values[type] ?? `'a'`)
  }
  await spec.superuser.query(
    `insert into ${table} (${columns.map(({ name }) => name).join()}) values (${columns.map(valueOf).join()})`,
    [spec.tenantId],
  )
}
