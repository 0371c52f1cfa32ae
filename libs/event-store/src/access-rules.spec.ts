import { ownedTypes } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventStore } from './event-store.ts'
import { migrate } from './migrate.ts'
import { createRoles, type StoreRole, storeRoles } from './roles.ts'
import { agentsByClient } from './registers.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId, type StreamRef } from './stream.ts'
import { withTenants } from './transaction.ts'

let spec: SpecStore
let ref: StreamRef
beforeAll(async () => {
  spec = await freshStore()
  ref = { kind: 'intent', streamId: newId(), tenantId: spec.tenantId }
  await eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } }).execute(
    { streams: [ref] },
    {
      decide: () => ({
        append: [{ stream: ref, events: [{ type: 'IntentWithdrawn', data: { intentId: ref.streamId, by: newId() } }] }],
        answer: 0,
      }),
    },
  )
})
afterAll(() => spec.drop())

const services = (Object.keys(storeRoles) as StoreRole[]).filter((role) => role !== 'owner')
const denied = { code: '42501' }
const as = (role: StoreRole, text: string, values: unknown[] = []) =>
  withTenants(spec.poolOf(role), [spec.tenantId], (tx) => tx.query(text, values))

describe('the event table', () => {
  it.each(services)('takes no direct INSERT, UPDATE, DELETE or TRUNCATE from %s', async (role) => {
    const statements = [
      `insert into countersign.event (event_id, incarnation, tenant_id, kind, stream_id, version, type, data, metadata)
       select gen_random_uuid(), 1, tenant_id, kind, stream_id, 2, type, data, metadata from countersign.event`,
      `insert into countersign.event_intent_default select * from countersign.event`,
      `update countersign.event set data = '{}'`,
      'delete from countersign.event',
      'truncate countersign.event',
      `update countersign.stream_head set version = 7`,
      `insert into countersign.event_owner values ('x', session_user)`,
      'alter table countersign.event disable trigger all',
    ]
    for (const statement of statements) await expect(as(role, statement), statement).rejects.toMatchObject(denied)
  })

  it.each(['ledger', 'lineage', 'relay'] as const)('is not appended to by %s', async (role) => {
    const append = `select countersign.append(array['intent'], array[gen_random_uuid()], array[gen_random_uuid()],
      array[0::bigint], array[1], array[gen_random_uuid()], array['x'], array['{}'], array['{}'])`
    await expect(as(role, append)).rejects.toMatchObject(denied)
  })

  it('is changed by nobody, not even through a partition or by the owner', async () => {
    const { rows } = await spec.superuser.query<{ leaf: string }>(
      `select p.relid::regclass::text as leaf from pg_partition_tree('countersign.event') p`,
    )
    expect(rows.length).toBeGreaterThan(10)
    const filled = await spec.superuser.query<{ leaf: string }>(
      'select tableoid::regclass::text as leaf from countersign.event',
    )
    for (const leaf of ['countersign.event', filled.rows[0]?.leaf]) {
      await expect(spec.superuser.query(`update ${leaf} set data = '{}'`)).rejects.toMatchObject({ code: '55000' })
      await expect(spec.superuser.query(`delete from ${leaf}`)).rejects.toMatchObject({ code: '55000' })
    }
    for (const { leaf } of rows) {
      await expect(spec.superuser.query(`truncate ${leaf}`), leaf).rejects.toMatchObject({ code: '55000' })
    }
  })

  it('keeps an intent of this month in a partition of this month', async () => {
    const { rows } = await spec.superuser.query<{ leaf: string }>(
      'select tableoid::regclass::text as leaf from countersign.event where stream_id = $1',
      [ref.streamId],
    )
    expect(rows[0]?.leaf).toBe(`countersign.event_intent_${new Date().toISOString().slice(0, 7).replace('-', '_')}`)
  })
})

describe('tenants', () => {
  it('do not exist for a transaction that does not name them', async () => {
    const other = await spec.addTenant('other')
    const store = eventStore(spec.poolOf('policy'), { metadata: { service: 'policy' } })
    const foreign = { ...ref, tenantId: other }
    expect((await store.load([ref])).of(ref).version).toBe(1)
    expect((await store.load([foreign])).of(foreign).version).toBe(0)
    const seen = await withTenants(spec.poolOf('policy'), [other], (tx) => tx.query('select from countersign.event'))
    expect(seen.rowCount).toBe(0)
    const both = await withTenants(spec.poolOf('policy'), [other, spec.tenantId], (tx) =>
      tx.query('select from countersign.event'),
    )
    expect(both.rowCount).toBe(1)
  })

  it('have to be named: reading without is an error, not an empty answer', async () => {
    for (const role of ['intake', 'policy', 'notifier', 'lineage'] as const) {
      await expect(spec.poolOf(role).query('select from countersign.event')).rejects.toMatchObject({ code: 'CS007' })
    }
  })

  it('are all seen by relay and ledger', async () => {
    for (const role of ['relay', 'ledger'] as const) {
      expect((await spec.poolOf(role).query('select from countersign.event')).rowCount).toBe(1)
    }
  })

  it('take no rows that another tenant would write', async () => {
    const foreign = as('intake', `insert into countersign.idempotency_key values ($1, 'p', 'k', 'f', $2)`, [
      newId(),
      newId(),
    ])
    await expect(foreign).rejects.toMatchObject(denied)
  })

  it('are found by intake from the client that a token names', async () => {
    await as(
      'intake',
      `insert into countersign.agent (tenant_id, name, subject_id, kind, producer, iss, client_id)
       values ($1, 'a', $2, 'agent', 'p', 'https://idp', 'c')`,
      [spec.tenantId, newId()],
    )
    const [agent] = await agentsByClient(spec.poolOf('intake'), [{ iss: 'https://idp', clientId: 'c' }])
    expect(agent).toMatchObject({ tenantId: spec.tenantId, name: 'a', seeded: false, changedBy: null })
  })
})

describe('roles', () => {
  it.each(['ledger', 'lineage', 'relay'] as const)('keep sealed payloads and keys from %s', async (role) => {
    for (const table of ['sealed', 'intent_key', 'tenant_key']) {
      await expect(as(role, `select from countersign.${table}`)).rejects.toMatchObject(denied)
    }
  })

  it('let only its owner write a register', async () => {
    const owners = {
      producer: 'intake',
      agent: 'intake',
      freeze: 'intake',
      person: 'notifier',
      directory_group: 'notifier',
      group_member: 'notifier',
      account: 'notifier',
      policy_set: 'policy',
      active_policy_set: 'policy',
    } as const
    for (const [table, owner] of Object.entries(owners)) {
      const { rows } = await spec.superuser.query<{ grantee: string }>(
        `select distinct grantee::text from information_schema.role_table_grants
         where table_schema = 'countersign' and table_name = $1 and privilege_type in ('INSERT', 'UPDATE')
           and grantee <> 'countersign_owner'`,
        [table],
      )
      expect([table, rows.map((row) => row.grantee)]).toEqual([table, [storeRoles[owner]]])
    }
  })

  it('are created, and the store migrated, any number of times and at once', async () => {
    const passwords = Object.fromEntries(Object.keys(storeRoles).map((role) => [role, 'spec-store'])) as Record<
      StoreRole,
      string
    >
    const again = async () => {
      await createRoles({ superuserUrl: spec.superuserUrl, passwords })
      await migrate({
        ownerUrl: spec.urlOf('owner'),
        eventTypes: { intake: ownedTypes('intake'), policy: ownedTypes('policy'), notifier: ownedTypes('notifier') },
      })
    }
    await Promise.all([again(), again(), again()])
    const incarnations = await spec.superuser.query('select from countersign.store_incarnation')
    expect(incarnations.rowCount).toBe(1)
  })
})
