import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshLedger, type LedgerStore } from './ledger-store.fixture.ts'
import { migrateLedger } from './migrate-ledger.ts'

let store: LedgerStore
beforeAll(async () => {
  store = await freshLedger()
  await store.insert([{}])
  await store.appendAll()
})
afterAll(() => store.drop())

describe('the schema refuses', () => {
  it.each([
    'update ledger.entry set idx = idx',
    'delete from ledger.entry',
    'truncate ledger.entry',
    'update ledger.checkpoint set note = note',
    'delete from ledger.checkpoint',
    'delete from ledger.tile',
    'delete from ledger.log_head',
    'delete from ledger.log',
    'update ledger.log set tenant_id = tenant_id',
    'delete from ledger.progress',
    `insert into ledger.progress values ('other', 0, '0', 0)`,
  ])('the ledger changing what is recorded: %s', async (statement) => {
    await expect(store.ledger.query(statement)).rejects.toMatchObject({ code: '42501' })
  })

  it('the ledger giving a log any name but a longer one', async () => {
    const { ledger, tenantId } = store
    const own = `countersign.test/log/${await store.logIdOf(tenantId)}`
    const rename = (name: string) => ledger.query('update ledger.log set origin = $1', [name])
    for (const name of [own, `${own}2`, 'countersign.test/log', 'other.test/log/2']) {
      await expect(rename(name), name).rejects.toMatchObject({ code: '55000' })
    }
    await rename(`${own}/2`)
    await expect(rename(own)).rejects.toMatchObject({ code: '55000' })
  })

  it.each([
    'update ledger.entry set idx = idx + 100',
    'delete from ledger.entry',
    'truncate ledger.entry',
    'truncate ledger.tile',
  ])('the owner changing it by mistake: %s', async (statement) => {
    await expect(store.poolOf('owner').query(statement)).rejects.toThrow('is only ever appended to')
  })
})

describe('migrating', () => {
  it('again changes nothing', async () => {
    await migrateLedger(store.urlOf('owner'))
    expect((await store.superuser.query('select from ledger.entry')).rowCount).toBe(1)
  })
})
