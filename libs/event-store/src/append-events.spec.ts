import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventStore } from './event-store.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId, type StreamRef } from './stream.ts'
import { withTenants } from './transaction.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const intent = (): StreamRef => ({ kind: 'intent', streamId: newId(), tenantId: spec.tenantId })
const withdrawn = (stream: StreamRef) => ({
  type: 'IntentWithdrawn' as const,
  data: { intentId: stream.streamId, by: newId() },
})

describe('append', () => {
  it('gives consecutive versions, and load returns what was appended', async () => {
    const store = eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } })
    const stream = intent()
    const { events } = await store.execute(
      { streams: [stream] },
      {
        decide: () => ({
          append: [{ stream, events: [withdrawn(stream), withdrawn(stream)], metadata: { producer: 'p' } }],
          answer: 1,
        }),
      },
    )
    const loaded = await store.load([stream])
    expect(loaded.of(stream).events).toEqual(events)
    expect(events.map((event) => event.version)).toEqual([1, 2])
    expect(events[0]?.metadata).toEqual({ service: 'intake', producer: 'p' })
    expect(loaded.now >= (events[1]?.recordedAt ?? '')).toBe(true)
  })

  it('moves no stream from another version than the expected one', async () => {
    const store = eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } })
    const stream = intent()
    const other = intent()
    const results = await withTenants(spec.poolOf('intake'), [spec.tenantId], async (tx) =>
      store.append(tx, [
        { stream, events: [withdrawn(stream)], expectedVersion: 4 },
        { stream: other, events: [withdrawn(other)], expectedVersion: 0 },
      ]),
    )
    expect(results.map((result) => [result.moved, result.version])).toEqual([
      [false, 0],
      [true, 1],
    ])
  })
})
