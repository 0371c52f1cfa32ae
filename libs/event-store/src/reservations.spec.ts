import { subjectCommitment } from '@countersign/redaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findIdempotencyKeys, idempotencyKeyName, reserveIdempotencyKeys } from './idempotency-keys.ts'
import { countRefusals, recordedRefusals, refusalsLeft } from './refusal-counts.ts'
import { activePolicySets, holdActivePolicySets } from './registers.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId } from './stream.ts'
import { eraseSubjects, resolveSubjects, subjectsById, writeSubjects } from './subjects.ts'
import { type Transaction, withTenants } from './transaction.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const as = <T>(role: 'intake' | 'policy' | 'notifier', work: (tx: Transaction) => Promise<T>) =>
  withTenants(spec.poolOf(role), [spec.tenantId], work)
const somebody = (sub: string) => ({ tenantId: spec.tenantId, iss: 'https://idp', sub })

describe('subjects', () => {
  it('are the same for the same identity, with the commitment that introduces them', async () => {
    const first = await as('intake', async (tx) => {
      const subjects = await resolveSubjects(tx, [somebody('ana'), somebody('ben'), somebody('ana')])
      await writeSubjects(tx, subjects)
      return subjects
    })
    expect(first.map((who) => who.isNew)).toEqual([true, true, true])
    expect(first[0]).toEqual(first[2])
    expect(first[0]?.commitment).toBe(subjectCommitment(first[0]?.salt ?? '', 'https://idp', 'ana'))
    const second = await as('policy', (tx) => resolveSubjects(tx, [somebody('ben'), somebody('cy')]))
    expect(second[0]).toEqual({ ...first[1], isNew: false })
    expect(second[1]?.isNew).toBe(true)
  })

  it('get one id when two transactions meet them at once', async () => {
    const [a] = await as('intake', (tx) => resolveSubjects(tx, [somebody('dee')]))
    const [b] = await as('notifier', (tx) => resolveSubjects(tx, [somebody('dee')]))
    if (a === undefined || b === undefined) throw new Error('unresolved')
    await as('intake', (tx) => writeSubjects(tx, [a]))
    await expect(as('notifier', (tx) => writeSubjects(tx, [b]))).rejects.toMatchObject({ code: '23505' })
    const [again] = await as('notifier', (tx) => resolveSubjects(tx, [somebody('dee')]))
    expect(again?.subjectId).toBe(a.subjectId)
  })

  it('mean nothing after their erasure, and come back as somebody new', async () => {
    const [eve] = await as('intake', async (tx) => {
      const subjects = await resolveSubjects(tx, [somebody('eve')])
      await writeSubjects(tx, subjects)
      return subjects
    })
    if (eve === undefined) throw new Error('unresolved')
    await as('intake', (tx) => eraseSubjects(tx, [eve]))
    expect((await as('intake', (tx) => subjectsById(tx, [eve]))).size).toBe(0)
    const [back] = await as('intake', (tx) => resolveSubjects(tx, [somebody('eve')]))
    expect(back?.subjectId).not.toBe(eve.subjectId)
  })
})

describe('idempotency keys', () => {
  it('stand for one request per tenant and producer', async () => {
    const key = { tenantId: spec.tenantId, producer: 'p', key: 'k' }
    const request = { ...key, fingerprint: 'f', intentId: newId() }
    await as('intake', (tx) => reserveIdempotencyKeys(tx, [request, { ...request, producer: 'q', intentId: newId() }]))
    const found = await as('intake', (tx) => findIdempotencyKeys(tx, [key, { ...key, key: 'other' }]))
    expect([...found]).toEqual([[idempotencyKeyName(key), request]])
    await expect(as('intake', (tx) => reserveIdempotencyKeys(tx, [request]))).rejects.toMatchObject({ code: '23505' })
  })
})

describe('refused attempts', () => {
  it('are counted exactly, and recorded up to 20 per source in 10 s', async () => {
    const source = { tenantId: spec.tenantId, source: newId() }
    const streamId = newId()
    const refuse = () =>
      as('intake', async (tx) => {
        const [left = 0] = await refusalsLeft(tx, [source])
        const recorded = Math.min(left, 1)
        await countRefusals(tx, [
          { ...source, code: 'bad', streamId, total: 1, recorded },
          { ...source, code: 'bad', streamId, total: 2, recorded: 0 },
        ])
        return recorded
      })
    // One after the other: at most 20 of these within the same 10 s have an event.
    for (let attempt = 0; attempt < 30; attempt += 1) await refuse()
    const { rows } = await spec.superuser.query<{ total: string; recorded: string }>(
      'select total, recorded from countersign.refusal_count where source = $1',
      [source.source],
    )
    expect(rows.reduce((sum, row) => sum + Number(row.total), 0)).toBe(90)
    for (const row of rows) expect(Number(row.recorded)).toBeLessThanOrEqual(recordedRefusals)
    await Promise.all(Array.from({ length: 10 }, refuse))
    const after = await spec.superuser.query<{ total: string }>(
      'select sum(total) as total from countersign.refusal_count where source = $1',
      [source.source],
    )
    expect(Number(after.rows[0]?.total)).toBe(120)
  })
})

describe('the active policy set', () => {
  it('cannot change while a decision that uses it is under way', async () => {
    const digests = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`)
    const activate = (digest?: string) =>
      as('policy', async (tx) => {
        await tx.query(
          `insert into countersign.policy_set (tenant_id, digest, bundle) values ($1, $2, 'permit') on conflict do nothing`,
          [spec.tenantId, digest],
        )
        await tx.query(
          `insert into countersign.active_policy_set (tenant_id, digest) values ($1, $2)
           on conflict (tenant_id) do update set digest = excluded.digest`,
          [spec.tenantId, digest],
        )
      })
    await activate(digests[0])
    let activation: Promise<void> | undefined
    const held = await as('policy', async (tx) => {
      const before = await holdActivePolicySets(tx, [spec.tenantId])
      activation = activate(digests[1])
      const seen = await withTenants(spec.poolOf('intake'), [spec.tenantId], (other) =>
        activePolicySets(other, [spec.tenantId]),
      )
      return [before.get(spec.tenantId), seen[0]?.digest, seen[0]?.bundle]
    })
    expect(held).toEqual([digests[0], digests[0], 'permit'])
    await activation
    const after = await as('intake', (tx) => activePolicySets(tx, [spec.tenantId]))
    expect(after[0]?.digest).toBe(digests[1])
  })
})
