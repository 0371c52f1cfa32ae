import { type EventData, wireTypeOf } from '@countersign/contracts'
import { eventStore, newId, noteLogRefusal, registerStream } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PersonCaller } from '../caller.ts'
import { ContinueLog, refusedLogs } from './continue-log.handler.ts'

let store: SpecStore
let operator: PersonCaller
let log: string
let origin: string
beforeEach(async () => {
  store = await freshStore()
  operator = { kind: 'person', tenantId: store.tenantId, subjectId: newId(), groups: ['operators'] }
  log = newId()
  origin = `countersign.test/log/${log}`
})
afterEach(() => store.drop())

const reason = 'restored the backup of 02:00'
const root = Buffer.alloc(32, 7)
const continuing = (operatorsOf: string | undefined = store.tenantId) =>
  new ContinueLog({
    pool: store.poolOf('intake'),
    store: eventStore(store.poolOf('intake'), { metadata: { service: 'intake' } }),
    operators: { pool: store.poolOf('intake'), operatorsOf },
  })
const go = (caller = operator) => continuing().continue(caller, { log, reason })
/** What the ledger tells of a log that it does not sign. */
const tell = (lost: boolean, change: { tenantId?: string; origin?: string } = {}) =>
  noteLogRefusal(store.poolOf('ledger'), {
    logId: log,
    tenantId: change.tenantId ?? store.tenantId,
    code: lost ? 'rolled_back' : 'edge_differs',
    lost: lost ? { origin: change.origin ?? origin, size: 320, root, keptSize: 300 } : undefined,
  })
const adopted = async (toIncarnation: number, tenantId = store.tenantId) => {
  const stream = registerStream(tenantId, 'store')
  const data = {
    by: null,
    reason,
    doubt: 'store_behind_mark',
    fromIncarnation: toIncarnation - 1,
    toIncarnation,
    storePosition: 1,
    markPosition: 2,
  }
  await eventStore(store.poolOf('intake'), { metadata: { service: 'intake' } }).execute(
    { streams: [stream] },
    { decide: () => ({ append: [{ stream, events: [{ type: 'StoreAdopted', data }] }], answer: 0 }) },
  )
}
const acts = async () =>
  (
    await store.superuser.query<{ tenant_id: string; data: EventData<'LogContinued'> }>(
      'select tenant_id, data from countersign.event where type = $1 order by position',
      [wireTypeOf('LogContinued')],
    )
  ).rows

describe('letting a log go on under another origin', () => {
  it('records who did it and why, the last checkpoint of the former log, what is left and the new name', async () => {
    await tell(true)
    await adopted(2)
    expect(await go()).toEqual({ log, origin: `${origin}/2`, formerOrigin: origin, formerSize: 320, keptSize: 300 })
    expect(await acts()).toEqual([
      {
        tenant_id: store.tenantId,
        data: {
          by: operator.subjectId,
          reason,
          log,
          refusedAs: 'rolled_back',
          former: { origin, size: 320, root: root.toString('base64') },
          keptSize: 300,
          origin: `${origin}/2`,
          incarnation: 2,
        },
      },
    ])
  })

  it('gives a log that was renamed before a longer name, whatever incarnation it is', async () => {
    await tell(true, { origin: `${origin}/2` })
    await adopted(2)
    expect(await go()).toMatchObject({ origin: `${origin}/2/2` })
  })

  it('takes an operator of the tenant that runs the deployment, who is named in their own tenant only', async () => {
    const other = await store.addTenant('neighbour')
    await tell(true, { tenantId: other })
    await adopted(2, other)
    expect(await go({ ...operator, groups: ['auditors'] })).toMatchObject({ code: 'not_allowed' })
    expect(await go({ ...operator, tenantId: other })).toMatchObject({ code: 'not_allowed' })
    expect(await acts()).toEqual([])
    expect(await go()).toMatchObject({ formerOrigin: origin })
    expect(await acts()).toMatchObject([{ tenant_id: other, data: { by: null } }])
  })

  it('is refused for a log that is signed, or that nobody has', async () => {
    await adopted(2)
    expect(await go()).toMatchObject({ code: 'log_in_order' })
    await tell(true)
    await store.poolOf('ledger').query('select countersign.forget_log_refusal($1)', [log])
    expect(await go()).toMatchObject({ code: 'log_in_order' })
    expect(await acts()).toEqual([])
  })

  it('is refused for a log whose rest does not hold', async () => {
    await tell(false)
    await adopted(2)
    expect(await go()).toMatchObject({ code: 'log_damaged' })
    expect(await acts()).toEqual([])
  })

  it('is refused where no store was adopted: then no restore explains what the log lacks', async () => {
    await tell(true)
    expect(await go()).toMatchObject({ code: 'log_not_adopted' })
    expect(await acts()).toEqual([])
  })

  it('happens once for each adoption, also when it is asked for at once', async () => {
    await tell(true)
    await adopted(2)
    const answers = await Promise.all([go(), go(), go()])
    expect(answers.map((answer) => ('code' in answer ? answer.code : 'went on')).toSorted()).toEqual([
      'log_not_adopted',
      'log_not_adopted',
      'went on',
    ])
    expect(await acts()).toHaveLength(1)
    await adopted(3)
    expect(await go()).toMatchObject({ origin: `${origin}/3` })
  })
})

describe('the logs that are not signed', () => {
  it('are listed with what they lost, and are no longer once they are signed', async () => {
    await tell(true)
    expect(await refusedLogs(store.poolOf('intake'))).toEqual([
      { log, code: 'rolled_back', former: { origin, size: 320 }, keptSize: 300 },
    ])
    await tell(false)
    expect(await refusedLogs(store.poolOf('intake'))).toEqual([{ log, code: 'edge_differs' }])
    await store.poolOf('ledger').query('select countersign.forget_log_refusal($1)', [log])
    expect(await refusedLogs(store.poolOf('intake'))).toEqual([])
  })

  it('are told by the ledger only', async () => {
    for (const role of ['intake', 'policy', 'notifier', 'lineage', 'relay'] as const) {
      const telling = noteLogRefusal(store.poolOf(role), {
        logId: log,
        tenantId: store.tenantId,
        code: 'rolled_back',
        lost: undefined,
      })
      await expect(telling, role).rejects.toMatchObject({ code: '42501' })
    }
  })
})
