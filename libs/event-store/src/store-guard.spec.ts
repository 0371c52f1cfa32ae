import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventStore } from './event-store.ts'
import { storeStart } from './cursor-order.ts'
import { eventAt, readGated } from './gated-cursor.ts'
import { notePublished, openIncarnation } from './incarnation.ts'
import { type MarkFolder, markFolder, rowDigest } from './mark-folder.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { StoreNotAdopted } from './store-doubt.ts'
import { findStore, readStoreStanding, storeGuard, trustedMs } from './store-guard.ts'
import { newId, type StoredEvent, type StreamRef } from './stream.ts'
import { checkOut } from './transaction.ts'

let spec: SpecStore
let marks: MarkFolder
beforeEach(async () => {
  spec = await freshStore()
  const { STORE_MARK_DIR, STORE_MARK_KEY } = spec.markSettings
  marks = markFolder(STORE_MARK_DIR, { key: Buffer.from(STORE_MARK_KEY, 'base64url'), writer: 'relay' })
})
afterEach(async () => {
  await marks.close()
  await spec.drop()
})

const refused = () => ({ type: 'ActionIntentRefused' as const, data: { producer: 'etl', code: 'spec', count: 1 } })
const attempts = (): StreamRef => ({ kind: 'attempts', streamId: newId(), tenantId: spec.tenantId })

const append = async (store = eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } })) => {
  const stream = attempts()
  const { events } = await store.execute(
    { streams: [stream] },
    { decide: () => ({ append: [{ stream, events: [refused()] }], answer: undefined }) },
  )
  const [event] = events
  if (event === undefined) throw new Error('nothing was appended')
  return event
}

/** Does what the relay does before it sends. */
const publish = async (event: StoredEvent): Promise<void> => {
  const { systemIdentifier, timeline } = await readStoreStanding(spec.poolOf('relay'), undefined)
  const { incarnation, xid, position, eventId } = event
  const row = await eventAt(spec.poolOf('relay'), event)
  const digest = row === undefined ? 'none' : rowDigest(row)
  await marks.advance({ incarnation, xid, position, systemIdentifier, timeline, event: { eventId, digest } })
  await notePublished(spec.poolOf('relay'))
}
const doubt = () => storeGuard({ marks }).doubt(spec.poolOf('intake'))
const change = (statement: string) => spec.superuser.query(statement)
const forget = (event: StoredEvent) =>
  change(`set session_replication_role = replica; delete from countersign.event where event_id = '${event.eventId}';
    set session_replication_role = origin`)

describe('a store beside its mark', () => {
  it('needs no mark until something was published, and then one that it holds', async () => {
    expect(await doubt()).toBeUndefined()
    const first = await append()
    expect(await doubt()).toBeUndefined()
    await publish(first)
    await append()
    for (const role of ['intake', 'policy', 'notifier', 'relay'] as const)
      expect(await storeGuard({ marks }).doubt(spec.poolOf(role))).toBeUndefined()
  })

  it('is doubtful without a mark once anything was published', async () => {
    await publish(await append())
    await rm(spec.markSettings.STORE_MARK_DIR, { recursive: true })
    expect(await doubt()).toBe('store_mark_missing')
  })

  it('is behind when it does not hold what was published last, nor anything after that', async () => {
    await append()
    const last = await append()
    await publish(last)
    await forget(last)
    expect(await doubt()).toBe('store_behind_mark')
  })

  it('has diverged when it went on without what was published last', async () => {
    const last = await append()
    await publish(last)
    await forget(last)
    await append()
    expect(await doubt()).toBe('store_diverged')
  })

  it('has diverged when another event is where the last published one was', async () => {
    const last = await append()
    await publish(last)
    await change(`set session_replication_role = replica;
      update countersign.event set event_id = '${newId()}' where event_id = '${last.eventId}';
      set session_replication_role = origin`)
    expect(await doubt()).toBe('store_diverged')
  })

  it('is doubtful on another server or timeline than the one its incarnation was opened on, mark or not', async () => {
    for (const published of [false, true]) {
      if (published) await publish(await append())
      await change('update countersign.store_incarnation set timeline = timeline + 1')
      expect(await doubt()).toBe('store_other_timeline')
      await change(`update countersign.store_incarnation set timeline = timeline - 1,
        system_identifier = '1' || system_identifier`)
      expect(await doubt()).toBe('store_other_system')
      await change('update countersign.store_incarnation set system_identifier = substr(system_identifier, 2)')
      expect(await doubt()).toBeUndefined()
    }
  })

  it('is doubtful as a new store beside the mark of another one', async () => {
    await publish(await append())
    const mark = await marks.read()
    if (mark === undefined) throw new Error('there is no mark')
    await marks.replace({ ...mark, systemIdentifier: '42' })
    expect(await doubt()).toBe('store_other_system')
    await marks.replace({ ...mark, timeline: '42' })
    expect(await doubt()).toBe('store_other_timeline')
  })

  it('is not adopted by an opened incarnation alone, only by the mark that follows it', async () => {
    const last = await append()
    await publish(last)
    const mark = await marks.read()
    if (mark === undefined) throw new Error('there is no mark')
    const { event: _event, ...place } = mark
    const incarnation = await openIncarnation(spec.poolOf('intake'))
    expect(await doubt()).toBe('store_adoption_unfinished')
    await marks.replace({ ...place, incarnation, xid: '0', position: 0 })
    expect(await doubt()).toBeUndefined()
    await publish(await append())
    expect(await doubt()).toBeUndefined()
  })

  it('is behind when it was set back to before an adoption', async () => {
    const { systemIdentifier, timeline } = await readStoreStanding(spec.poolOf('relay'), undefined)
    await marks.replace({ incarnation: 2, xid: '0', position: 0, systemIdentifier, timeline })
    expect(await doubt()).toBe('store_behind_mark')
  })

  it('cannot be told while the mark cannot be read', async () => {
    await publish(await append())
    const other = markFolder(spec.markSettings.STORE_MARK_DIR, { key: Buffer.alloc(32), writer: 'other' })
    expect(await storeGuard({ marks: other }).doubt(spec.poolOf('intake'))).toBe('store_mark_invalid')
    const broken = { read: () => Promise.reject(new Error('EIO')) }
    expect(await storeGuard({ marks: broken }).doubt(spec.poolOf('intake'))).toBe('store_mark_unreadable')
    expect(await findStore(spec.poolOf('intake'), broken)).toMatchObject({ mark: undefined, cause: new Error('EIO') })
  })
})

describe('the guard', () => {
  const guarded = (guard = storeGuard({ marks })) =>
    eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' }, guard })

  it('lets nothing be decided or appended on a doubtful store, not even what would change nothing; reads go on', async () => {
    const last = await append()
    const store = guarded()
    await publish(last)
    await append(store)
    await marks.replace({ ...(await marks.read()), incarnation: 9 } as never)
    const fresh = guarded()
    await spec.gatePassed()
    const before = (await readGated(spec.poolOf('relay'), { after: storeStart, limit: 500 })).length
    await expect(append(fresh)).rejects.toThrow(StoreNotAdopted)
    const nothing = { decide: () => ({ append: [], answer: 'yes' }) }
    await expect(fresh.execute({ streams: [attempts()] }, nothing)).rejects.toThrow('store_behind_mark')
    const both = await fresh.executeBatch([{ streams: [attempts()] }, { streams: [attempts()] }], nothing)
    expect(both.map((outcome) => outcome.status === 'failed' && outcome.error)).toEqual([
      expect.any(StoreNotAdopted),
      expect.any(StoreNotAdopted),
    ])
    const stream = { kind: last.kind, streamId: last.streamId, tenantId: last.tenantId }
    expect((await fresh.load([stream])).of(stream).version).toBe(1)
    expect(await readGated(spec.poolOf('relay'), { after: storeStart, limit: 500 })).toHaveLength(before)
  })

  it('asks once per connection, and again when its answer is old: the mark may be of another server by then', async () => {
    let [now, reads] = [0, 0]
    const counted = { read: () => ((reads += 1), marks.read()) }
    const guard = storeGuard({ marks: counted, now: () => now })
    const [one, two] = [await checkOut(spec.poolOf('intake')), await checkOut(spec.poolOf('intake'))]
    for (const connection of [one, one, two, two]) await guard.check(connection)
    expect(reads).toBe(2)
    await publish(await append())
    await marks.replace({ ...(await marks.read()), incarnation: 2 } as never)
    now = trustedMs - 1
    await guard.check(one)
    now = trustedMs
    await expect(guard.check(one)).rejects.toThrow(StoreNotAdopted)
    await expect(guard.check(one)).rejects.toThrow(StoreNotAdopted)
    for (const connection of [one, two]) connection.release()
  })

  it('says when doubt begins and ends, once', async () => {
    const said: unknown[] = []
    const guard = storeGuard({ marks, onChange: (doubt) => said.push(doubt) })
    const ask = () => guard.doubt(spec.poolOf('intake'))
    await ask()
    await publish(await append())
    const mark = await marks.read()
    await marks.replace({ ...mark, timeline: '9' } as never)
    await ask()
    await ask()
    await marks.replace(mark as never)
    await ask()
    expect(said).toEqual(['store_other_timeline', undefined])
  })
})
