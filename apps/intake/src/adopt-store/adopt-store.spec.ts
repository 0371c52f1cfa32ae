import { isRefusal, type GrantView } from '@countersign/contracts'
import { findStore, type MarkFolder, markFolder, openIncarnation, StoreNotAdopted } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PersonCaller } from '../caller.ts'
import { intakeBench, type IntakeBench } from '../intake.fixture.ts'
import { AdoptStore } from './adopt-store.handler.ts'

let bench: IntakeBench
let operator: PersonCaller
let marks: MarkFolder
beforeAll(async () => {
  bench = await intakeBench()
  const subjectId = await bench.addPerson('olga', ['operators'])
  operator = { kind: 'person', tenantId: bench.tenantId, subjectId, groups: ['operators'] }
  const { STORE_MARK_DIR, STORE_MARK_KEY } = bench.markSettings
  marks = markFolder(STORE_MARK_DIR, { key: Buffer.from(STORE_MARK_KEY, 'base64url'), writer: 'intake' })
})
afterAll(() => bench.close())

const allowed = async (): Promise<string> => {
  const { intentId } = await bench.publishOne()
  await bench.allow(intentId)
  return intentId
}
const granted = async (): Promise<GrantView> => {
  const grant = await bench.issue.handle(bench.caller, await allowed())
  if (isRefusal(grant)) throw new Error(grant.code)
  return grant
}
const redeem = ({ grantId, token }: GrantView) => {
  const { action, target, environment, parameters } = bench.body()
  const body = { token, redemptionId: bench.newId(), action, target, environment, parameters }
  return bench.redeem.handle(bench.caller, grantId, body)
}

const operatorsOf = (tenant: string | undefined) => ({ pool: bench.pool, operatorsOf: tenant })
const adoption = () =>
  new AdoptStore({ pool: bench.pool, store: bench.events, marks, operators: operatorsOf(bench.tenantId) })
const reason = 'restored the backup of 02:00'
const incarnation = async () => (await findStore(bench.pool, marks)).standing.incarnation
const registered = async () =>
  (
    await bench.superuser.query<{ tenant_id: string; incarnation: number; data: object }>(
      `select tenant_id, incarnation, data from countersign.event where type like '%.StoreAdopted.v1' order by position`,
    )
  ).rows

describe('adopting a store', () => {
  it('is refused while there is nothing to adopt', async () => {
    expect(await adoption().read(operator)).toMatchObject({ sameSystem: true, sameTimeline: true })
    expect(await adoption().adopt(operator, reason)).toMatchObject({ code: 'store_in_order' })
    expect(await registered()).toEqual([])
  })

  it('takes an operator, and where there are several tenants one of the tenant that runs the deployment', async () => {
    const undo = await bench.setBack()
    expect(await adoption().adopt({ ...operator, groups: ['auditors'] }, reason)).toMatchObject({ code: 'not_allowed' })
    const other = await bench.addTenant('neighbour')
    expect(await adoption().adopt({ ...operator, tenantId: other }, reason)).toMatchObject({ code: 'not_allowed' })
    const nobodys = new AdoptStore({ pool: bench.pool, store: bench.events, marks, operators: operatorsOf(undefined) })
    expect(await nobodys.read(operator)).toMatchObject({ code: 'not_allowed' })
    expect(await registered()).toEqual([])
    await undo()
  })

  it('opens the next incarnation, tells every tenant, ends every grant that is open, and moves the mark last', async () => {
    const [open, used] = [await granted(), await granted()]
    expect(isRefusal(await redeem(used))).toBe(false)
    const undecided = await allowed()
    const before = await incarnation()
    await bench.setBack()
    expect(await adoption().read(operator)).toMatchObject({
      doubt: 'store_behind_mark',
      incarnation: before,
      mark: { incarnation: 9 },
      last: { position: expect.any(Number) },
    })
    const adopted = await adoption().adopt(operator, reason)
    expect(adopted).toEqual({ fromIncarnation: before, toIncarnation: before + 1, revokedGrants: 1 })
    expect((await findStore(bench.pool, marks)).doubt).toBeUndefined()
    expect(await marks.read()).toMatchObject({ incarnation: before + 1, position: 0 })
    const told = await registered()
    expect(told.map((row) => row.incarnation)).toEqual([before + 1, before + 1])
    expect(told.find((row) => row.tenant_id === bench.tenantId)?.data).toMatchObject({
      by: operator.subjectId,
      reason,
      doubt: 'store_behind_mark',
      fromIncarnation: before,
      toIncarnation: before + 1,
    })
    expect(told.find((row) => row.tenant_id !== bench.tenantId)?.data).toMatchObject({ by: null })
    expect((await bench.history(open.intentId)).at(-1)).toMatchObject({
      type: 'GrantRevoked',
      data: { cause: 'store_adopted', by: operator.subjectId },
    })
    expect((await bench.history(used.intentId)).at(-1)?.type).toBe('GrantRedeemed')
    expect(await redeem(open)).toMatchObject({ code: 'grant_revoked' })
    expect(await bench.issue.handle(bench.caller, undecided)).toMatchObject({ code: 'intent_outdated' })
  })

  it('never lets a grant of an earlier incarnation be collected again or redeemed, also before it is revoked', async () => {
    const open = await granted()
    const fresh = await openIncarnation(bench.pool)
    expect(await redeem(open)).toMatchObject({ code: 'intent_outdated' })
    expect(await bench.issue.handle(bench.caller, open.intentId)).toMatchObject({ code: 'intent_outdated' })
    expect((await bench.history(open.intentId)).at(-1)?.type).toBe('GrantIssued')
    const later = await granted()
    expect(await redeem(later)).toMatchObject({ grantId: later.grantId })
    expect(await incarnation()).toBe(fresh)
  })

  it('that was broken off leaves the store refused, and is done again from the start', async () => {
    expect((await findStore(bench.pool, marks)).doubt).toBe('store_adoption_unfinished')
    const full: MarkFolder = { ...marks, replace: () => Promise.reject(new Error('disk full')) }
    const broken = new AdoptStore({
      pool: bench.pool,
      store: bench.events,
      marks: full,
      operators: operatorsOf(bench.tenantId),
    })
    await expect(broken.adopt(operator, reason)).rejects.toThrow('disk full')
    expect((await findStore(bench.pool, marks)).doubt).toBe('store_adoption_unfinished')
    const adopted = await adoption().adopt(operator, reason)
    expect(adopted).toMatchObject({ toIncarnation: await incarnation() })
    expect((await findStore(bench.pool, marks)).doubt).toBeUndefined()
  })

  it('works without a mark that can be believed, and not while it cannot be read at all', async () => {
    const foreign = markFolder(bench.markSettings.STORE_MARK_DIR, { key: Buffer.alloc(32), writer: 'foreign' })
    const mark = await marks.read()
    if (mark === undefined) throw new Error('there is no mark')
    await foreign.replace(mark)
    const unreadable: MarkFolder = { ...marks, read: () => Promise.reject(new Error('EIO')) }
    const blind = new AdoptStore({
      pool: bench.pool,
      store: bench.events,
      marks: unreadable,
      operators: operatorsOf(bench.tenantId),
    })
    await expect(blind.adopt(operator, reason)).rejects.toThrow(StoreNotAdopted)
    expect(await adoption().adopt(operator, reason)).toMatchObject({ revokedGrants: 0 })
    expect((await findStore(bench.pool, marks)).doubt).toBeUndefined()
  })
})
