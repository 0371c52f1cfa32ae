import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId, type StreamRef } from './stream.ts'
import { runTransaction } from './transaction.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const intent = (): StreamRef => ({ kind: 'intent', streamId: newId(), tenantId: spec.tenantId })
const counts = async (pool: pg.Pool): Promise<number> =>
  Number((await pool.query<{ n: string }>('select count(*) as n from countersign.refusal_count')).rows[0]?.n)

describe('a transaction whose work goes out with its beginning', () => {
  it('tells why it could not begin, and nothing of its work was done', async () => {
    const pool = spec.poolOf('intake')
    const stream = intent()
    const tenantIds = [spec.tenantId]
    const held = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    const holder = runTransaction(pool, { tenantIds, lock: [stream] }, async (tx) => {
      await tx.query('select 1')
      locked.resolve()
      await held.promise
    })
    await locked.promise
    const before = await counts(spec.superuser)
    let wasDone = false
    const late = runTransaction(pool, { tenantIds, lock: [stream], lockWithinMs: 20 }, async (tx) => {
      await tx.query(
        `insert into countersign.refusal_count (tenant_id, source, window_start, code, stream_id, total, recorded)
         values ($1, 'spec', clock_timestamp(), 'spec', $1, 1, 1)`,
        [spec.tenantId],
      )
      wasDone = true
    })
    // Lock not available, and not that the transaction had failed before.
    await expect(late).rejects.toMatchObject({ code: '55P03' })
    expect(wasDone).toBe(false)
    held.resolve()
    await holder
    expect(await counts(spec.superuser)).toBe(before)
  })

  it('keeps nothing when one of several statements that went out together fails', async () => {
    const pool = spec.poolOf('intake')
    const failing = runTransaction(pool, { tenantIds: [spec.tenantId] }, async (tx) => {
      await Promise.all([tx.query('select 1'), tx.query('select 1/0'), tx.query('select 2')])
    })
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    // The connection went back in order.
    await expect(
      runTransaction(pool, { tenantIds: [spec.tenantId] }, (tx) => tx.query('select 1')),
    ).resolves.toBeDefined()
  })
})
