import { canonicalJson } from '@countersign/redaction'
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

const intake = () => eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } })
const inTenant = <T>(work: Parameters<typeof withTenants<T>>[2]) =>
  withTenants(spec.poolOf('intake'), [spec.tenantId], work)
const stream = (kind: StreamRef['kind'] = 'intent'): StreamRef => ({
  kind,
  streamId: newId(),
  tenantId: spec.tenantId,
})
const withdrawn = (ref: StreamRef, by = newId()) => ({
  type: 'IntentWithdrawn' as const,
  data: { intentId: ref.streamId, by },
})
const refused = (command = 'withdraw') => ({
  type: 'CommandRefused' as const,
  data: { command, code: 'not_allowed', by: null, count: 1 },
})

// What a service would send by hand: one stream, one event.
const rawAppend = (over: { type?: string; data?: string; expected?: number | null; ref?: StreamRef }) => {
  const ref = over.ref ?? stream()
  return [
    [ref.kind],
    [ref.streamId],
    [ref.tenantId],
    [over.expected === undefined ? 0 : over.expected],
    [1],
    [newId()],
    [over.type ?? 'dev.countersign.IntentWithdrawn.v1'],
    [over.data ?? '{}'],
    ['{}'],
  ]
}
const rawStatement = 'select * from countersign.append($1, $2, $3, $4, $5, $6, $7, $8, $9)'

describe('append', () => {
  it('gives consecutive versions, and load returns what was appended', async () => {
    const ref = stream()
    const { events } = await intake().execute(
      { streams: [ref] },
      {
        decide: () => ({
          append: [{ stream: ref, events: [withdrawn(ref), withdrawn(ref)], metadata: { producer: 'p' } }],
          answer: 'done',
        }),
      },
    )
    const loaded = await intake().load([ref])
    expect(loaded.of(ref).events).toEqual(events)
    expect(events.map((event) => event.version)).toEqual([1, 2])
    expect(events[0]?.metadata).toEqual({ service: 'intake', producer: 'p' })
    expect(loaded.now >= (events[1]?.recordedAt ?? '')).toBe(true)
  })

  it('writes the canonical form, which is what the ledger records', async () => {
    const ref = stream('attempts')
    const { type, data } = refused('freeze')
    const unordered = { type, data: Object.fromEntries(Object.entries(data).toReversed()) as typeof data }
    await inTenant((tx) => intake().append(tx, [{ stream: ref, events: [unordered], expectedVersion: null }]))
    const { rows } = await spec.superuser.query('select data::text from countersign.event where stream_id = $1', [
      ref.streamId,
    ])
    expect(rows).toEqual([{ data: canonicalJson(data) }])
  })

  it('is all or nothing per stream: of a stream at another version, no event is inserted', async () => {
    const [taken, free] = [stream(), stream()]
    await inTenant((tx) => intake().append(tx, [{ stream: taken, events: [withdrawn(taken)], expectedVersion: 0 }]))
    const results = await inTenant((tx) =>
      intake().append(tx, [
        // The second of these two events would fit behind the first one's version: half of it must not be written.
        { stream: taken, events: [withdrawn(taken), withdrawn(taken)], expectedVersion: 0 },
        { stream: free, events: [withdrawn(free)], expectedVersion: 0 },
      ]),
    )
    expect(results.map((result) => [result.moved, result.version, result.events.length])).toEqual([
      [false, 1, 0],
      [true, 1, 1],
    ])
    const loaded = await intake().load([taken, free])
    expect(loaded.of(taken).version).toBe(1)
    expect(loaded.of(free).version).toBe(1)
  })

  it('appends attempts at any version, also from several commands at once', async () => {
    const attempts = stream('attempts')
    const append = () =>
      inTenant((tx) =>
        intake().append(tx, [
          { stream: attempts, events: [refused('a')], expectedVersion: null },
          { stream: attempts, events: [refused('b'), refused('c')], expectedVersion: null },
        ]),
      )
    const all = (await Promise.all(Array.from({ length: 8 }, append))).flat().flatMap((result) => result.events)
    const loaded = (await intake().load([attempts])).of(attempts)
    expect(loaded.version).toBe(24)
    expect(all.toSorted((a, b) => a.version - b.version)).toEqual(loaded.events)
  })

  it('is refused in a transaction that has already written', async () => {
    const ref = stream()
    const write = inTenant(async (tx) => {
      await tx.query('select pg_current_xact_id()')
      return intake().append(tx, [{ stream: ref, events: [withdrawn(ref)], expectedVersion: 0 }])
    })
    await expect(write).rejects.toMatchObject({ code: 'CS002' })
  })

  it('is refused at another isolation than READ COMMITTED', async () => {
    const client = await spec.poolOf('intake').connect()
    try {
      await client.query('begin isolation level repeatable read')
      await expect(client.query(rawStatement, rawAppend({}))).rejects.toMatchObject({ code: 'CS001' })
    } finally {
      client.release(true)
    }
  })

  it("is refused for another service's event type", async () => {
    const types = ['dev.countersign.IntentExpired.v1', 'dev.countersign.Unheard.v1']
    for (const type of types) {
      const write = inTenant((tx) => tx.query(rawStatement, rawAppend({ type })))
      await expect(write).rejects.toMatchObject({ code: 'CS003' })
    }
  })

  it('takes 16 KiB of data and 500 events, not more', async () => {
    const dataOf = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`
    await inTenant((tx) => tx.query(rawStatement, rawAppend({ data: dataOf(16_384) })))
    const tooLarge = inTenant((tx) => tx.query(rawStatement, rawAppend({ data: dataOf(16_385) })))
    await expect(tooLarge).rejects.toMatchObject({ code: 'CS004' })
    const append = (count: number) => {
      const ref = stream()
      const events = Array.from({ length: count }, () => withdrawn(ref))
      return inTenant((tx) => intake().append(tx, [{ stream: ref, events, expectedVersion: 0 }]))
    }
    expect((await append(500))[0]?.version).toBe(500)
    await expect(append(501)).rejects.toMatchObject({ code: 'CS004' })
  })

  it('wants an expected version for everything but attempts', async () => {
    const write = inTenant((tx) => tx.query(rawStatement, rawAppend({ expected: null })))
    await expect(write).rejects.toMatchObject({ code: 'CS005' })
  })

  it('never lets a tenant into the stream of another, or an unregistered tenant in at all', async () => {
    const ref = stream()
    const other = await spec.addTenant('other-one')
    await inTenant((tx) => intake().append(tx, [{ stream: ref, events: [withdrawn(ref)], expectedVersion: 0 }]))
    for (const [tenantId, kind, expected] of [
      [other, 'intent', 1],
      [newId(), 'intent', 1],
    ] as const) {
      const write = inTenant((tx) => tx.query(rawStatement, rawAppend({ ref: { ...ref, tenantId, kind }, expected })))
      await expect(write).rejects.toMatchObject({ code: 'CS006' })
    }
    const unknown = inTenant((tx) => tx.query(rawStatement, rawAppend({ ref: { ...stream(), tenantId: newId() } })))
    await expect(unknown).rejects.toMatchObject({ code: 'CS006' })
  })

  it('checks each event against its schema and its kind of stream', async () => {
    const ref = stream()
    const [attempts] = [stream('attempts')]
    const misfit = { type: 'IntentWithdrawn' as const, data: { intentId: 'no id', by: newId() } }
    await expect(
      inTenant((tx) => intake().append(tx, [{ stream: ref, events: [misfit], expectedVersion: 0 }])),
    ).rejects.toThrow('schema')
    await expect(
      inTenant((tx) => intake().append(tx, [{ stream: attempts, events: [withdrawn(ref)], expectedVersion: null }])),
    ).rejects.toThrow('kind')
  })
})
