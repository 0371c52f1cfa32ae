import { gatheredLoads, newId, type EventStore, type StreamRef } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WaitingReaders } from '@countersign/service-kit'
import { intakeBench, type IntakeBench } from '../intake.fixture.ts'
import { ReadIntent } from './wait-for-decision.ts'

let bench: IntakeBench
beforeAll(async () => {
  bench = await intakeBench()
})
afterAll(() => bench.close())

const readers = 40

/** Whoever waits here waits for ever. */
class Silent extends WaitingReaders {
  override next = (): Promise<void> => new Promise(() => undefined)
}

/** The real store, with the sizes of its loads and a promise for when the next one is answered. */
const observed = () => {
  const sizes: number[] = []
  let loaded = Promise.withResolvers<void>()
  const store: Pick<EventStore, 'load'> = {
    load: async (refs: readonly StreamRef[]) => {
      sizes.push(refs.length)
      const answer = await bench.events.load(refs)
      setImmediate(() => {
        loaded.resolve()
        loaded = Promise.withResolvers()
      })
      return answer
    },
  }
  return { store, sizes, nextLoad: () => loaded.promise }
}

describe('long polls', () => {
  it('are answered by one load per wake-up, however many wait', async () => {
    const { intentId } = await bench.publishOne()
    const { store, sizes, nextLoad } = observed()
    const waitingReaders = new WaitingReaders()
    const read = new ReadIntent(gatheredLoads(store), waitingReaders, new AbortController().signal)
    const first = nextLoad()
    const waiting = Array.from({ length: readers }, () =>
      read.handle({ tenantId: bench.tenantId, intentId, waitMs: 20_000, caller: 'etl-bot', mayRead: () => true }),
    )
    await first
    await bench.allow(intentId)
    waitingReaders.wake([intentId])
    const views = await Promise.all(waiting)
    expect(views.map((view) => view?.state)).toEqual(Array.from({ length: readers }, () => 'allowed'))
    expect(new Set(sizes)).toEqual(new Set([readers]))
  })

  it('end when the intent is no longer in the state that the reader knows, decided or not', async () => {
    const { intentId } = await bench.publishOne()
    const waitingReaders = new WaitingReaders()
    const read = new ReadIntent(gatheredLoads(bench.events), waitingReaders, new AbortController().signal)
    const ask = { tenantId: bench.tenantId, intentId, caller: 'etl-bot', mayRead: () => true }
    expect((await read.handle({ ...ask, waitMs: 20_000, known: 'in_review' }))?.state).toBe('published')
    const waiting = read.handle({ ...ask, waitMs: 20_000, known: 'published' })
    await bench.allow(intentId)
    waitingReaders.wake([intentId])
    expect((await waiting)?.state).toBe('allowed')
  })

  it('tell whoever may not see an intent the same as if there were none, at once', async () => {
    const { intentId } = await bench.publishOne()
    const reads = gatheredLoads(bench.events)
    const read = new ReadIntent(reads, new Silent(), new AbortController().signal)
    const ask = { tenantId: bench.tenantId, waitMs: 20_000, caller: 'etl-bot', mayRead: () => false }
    expect(await read.handle({ ...ask, intentId })).toBeUndefined()
    expect(await read.handle({ ...ask, intentId: newId() })).toBeUndefined()
  })

  it('of one caller are so many at a time, also of a caller who hangs up; others wait, and reads that do not wait go on', async () => {
    const { intentId } = await bench.publishOne()
    const read = new ReadIntent(gatheredLoads(bench.events), new Silent(), new AbortController().signal)
    const ask = { tenantId: bench.tenantId, intentId, mayRead: () => true }
    const wait = (caller: string) => read.handle({ ...ask, caller, waitMs: 20_000 })
    for (let places = 1_000; places > 0; places -= 1) void wait('etl-bot')
    await expect(wait('etl-bot')).rejects.toThrow('too_many_requests')
    void wait('another')
    expect((await read.handle({ ...ask, caller: 'etl-bot', waitMs: 0 }))?.state).toBe('published')
  })

  it('of one tenant never see the intent of another that is loaded with theirs', async () => {
    const { intentId } = await bench.publishOne()
    const reads = gatheredLoads(bench.events)
    const ours = { kind: 'intent', streamId: intentId, tenantId: bench.tenantId } as const
    const theirs = { ...ours, tenantId: await bench.addTenant('others') }
    const [seen, unseen] = await Promise.all([reads.ask(ours), reads.ask(theirs)])
    expect([seen.of(ours).version, unseen.of(theirs).version]).toEqual([1, 0])
  })
})
