import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askedTogether, writtenTogether } from './asked-together.ts'
import type { CommandHandler } from './command.ts'
import { eventStore } from './event-store.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId, type StreamRef } from './stream.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const oneLane = () => eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' }, lanes: 1 })
const intent = (): StreamRef => ({ kind: 'intent', streamId: newId(), tenantId: spec.tenantId })
const withdrawing = (ref: StreamRef): CommandHandler<{ streams: StreamRef[] }, undefined, string> => ({
  decide: (_command, loaded) => ({
    append: [{ stream: ref, events: [{ type: 'IntentWithdrawn', data: { intentId: ref.streamId, by: newId() } }] }],
    answer: `after ${loaded.of(ref).version}`,
  }),
})
const failing = (ref: StreamRef): CommandHandler<{ streams: StreamRef[] }, undefined, string> => ({
  ...withdrawing(ref),
  effects: () => Promise.reject(new Error('an effect failed')),
})

/** Sends commands while the only lane is busy, so that they gather; answers what became of them, in order. */
const whileBusy = async <Context>(
  commands: readonly (readonly [StreamRef, CommandHandler<{ streams: StreamRef[] }, Context, string>])[],
) => {
  const store = oneLane()
  const first = intent()
  return Promise.allSettled([
    store.execute({ streams: [first] }, withdrawing(first)),
    ...commands.map(([ref, handler]) => store.execute({ streams: [ref] }, handler)),
  ]).then(([, ...others]) => others)
}
const transactionOf = async (ref: StreamRef): Promise<string | undefined> =>
  (await oneLane().load([ref])).of(ref).events[0]?.xid

describe('commands that come while others are decided', () => {
  it('are decided in one transaction, each with an answer of its own', async () => {
    const refs = Array.from({ length: 5 }, intent)
    const answers = await whileBusy(refs.map((ref) => [ref, withdrawing(ref)] as const))
    expect(answers.map(({ status }) => status)).toEqual(refs.map(() => 'fulfilled'))
    const transactions = new Set(await Promise.all(refs.map(transactionOf)))
    expect(transactions.size).toBe(1)
  })

  it('are decided one after the other where they name the same stream, in their order', async () => {
    const ref = intent()
    const answers = await whileBusy([0, 1, 2].map(() => [ref, withdrawing(ref)] as const))
    expect(answers.map((one) => (one.status === 'fulfilled' ? one.value.answer : one.status))).toEqual([
      'after 0',
      'after 1',
      'after 2',
    ])
  })

  it('share the statements by which they read and write, each with answers of its own', async () => {
    const asked: string[][] = []
    const written: string[][] = []
    const lookUp = askedTogether(async (_tx, ids: readonly string[]) => {
      asked.push([...ids])
      return ids.map((id) => `found ${id}`)
    })
    const note = writtenTogether(async (_tx, ids: readonly string[]) => void written.push([...ids]))
    const noting = (ref: StreamRef): CommandHandler<{ streams: StreamRef[] }, string | undefined, string> => ({
      read: async (tx) => (await lookUp(tx, [ref.streamId]))[0],
      decide: (_command, _loaded, found = '') => ({
        ...withdrawing(ref).decide({ streams: [ref] }, _loaded, undefined),
        answer: found,
      }),
      effects: (tx) => note(tx, [ref.streamId]),
    })
    const refs = Array.from({ length: 5 }, intent)
    const answers = await whileBusy(refs.map((ref) => [ref, noting(ref)] as const))
    const ids = refs.map(({ streamId }) => streamId)
    expect(answers).toMatchObject(ids.map((id) => ({ value: { answer: `found ${id}` } })))
    expect([asked, written]).toEqual([[ids], [ids]])
  })

  it('do not fail with one that fails, and leave nothing of it', async () => {
    const [bad, ...good] = Array.from({ length: 4 }, intent) as [StreamRef, ...StreamRef[]]
    const answers = await whileBusy([[bad, failing(bad)], ...good.map((ref) => [ref, withdrawing(ref)] as const)])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
    expect(answers[0]).toMatchObject({ reason: { message: 'an effect failed' } })
    const versions = await Promise.all([bad, ...good].map(async (ref) => (await oneLane().load([ref])).of(ref).version))
    expect(versions).toEqual([0, 1, 1, 1])
  })

  it('never share a transaction with those of another tenant, whose rows would exist in it', async () => {
    const other = await spec.addTenant('other')
    const [ours, theirs] = [intent(), { ...intent(), tenantId: other }]
    const seen: string[][] = []
    const looking = (ref: StreamRef): ReturnType<typeof withdrawing> => ({
      ...withdrawing(ref),
      read: async (tx) => {
        const { rows } = await tx.query<{ tenants: string[] }>('select countersign.named_tenants() as tenants')
        seen.push(rows[0]?.tenants ?? [])
        return undefined
      },
    })
    await whileBusy([
      [ours, looking(ours)],
      [theirs, looking(theirs)],
    ])
    expect(seen).toHaveLength(2)
    expect(seen).toEqual(expect.arrayContaining([[spec.tenantId], [other]]))
  })

  it('go on alone when somebody holds the stream of one of them, which then waits for nobody but them', async () => {
    const [held, free] = [intent(), intent()]
    const holder = await spec.poolOf('policy').connect()
    await holder.query('begin')
    await holder.query(`select countersign.lock_streams(array['intent']::text[], array[$1]::uuid[])`, [held.streamId])
    const answers = whileBusy([
      [held, withdrawing(held)],
      [free, withdrawing(free)],
    ])
    while ((await oneLane().load([free])).of(free).version === 0) await new Promise(setImmediate)
    expect((await oneLane().load([held])).of(held).version).toBe(0)
    await holder.query('rollback')
    holder.release()
    expect((await answers).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  })
})
