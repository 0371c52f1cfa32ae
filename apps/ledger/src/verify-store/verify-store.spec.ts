import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { newId } from '@countersign/event-store'
import { noteSigner, signCheckpoint } from '@countersign/merkle-log'
import { subjectCommitment } from '@countersign/redaction'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freshLedger, type LedgerStore, streamsOf } from '../ledger-store.fixture.ts'
import type { PublishedMark } from '../publish-checkpoint/published-mark.ts'
import { publishCheckpoint } from '../publish-checkpoint/publish-checkpoint.ts'
import type { Finding } from '@countersign/ledger-check'
import { verifyStore } from '@countersign/ledger-check'

const key = generateKeyPairSync('ed25519').privateKey
const noMark: PublishedMark = { read: async () => undefined, keep: async () => undefined, write: async () => undefined }

/** 600 leaves: two full tiles and a partial one, saved checkpoint at 520, a subject introduced at 0. */
const SIZE = 600
const SAVED = 520
const subjectId = newId()
const salt = randomBytes(32)
const issuer = 'https://idp.example'

let store: LedgerStore
let log: string
let saved: { note: string; vkey: string }
let tables: string[]

beforeAll(async () => {
  store = await freshLedger()
  const introduction = { subjectId, commitment: subjectCommitment(salt.toString('base64url'), issuer, 'dana') }
  await store.superuser.query(
    'insert into countersign.subject (tenant_id, subject_id, iss, sub, salt) values ($1, $2, $3, $4, $5)',
    [store.tenantId, subjectId, issuer, 'dana', salt],
  )
  await store.insert([
    { data: { note: 'first', subjects: [introduction] } },
    ...streamsOf(200, 2),
    ...streamsOf(119, 1),
  ])
  await store.appendAll(100)
  log = await store.logIdOf(store.tenantId)
  const published = await publishCheckpoint(store.ledger, log, { key, mark: noMark })
  if (published.status !== 'published') throw new Error(published.status)
  saved = { note: published.note, vkey: noteSigner(published.origin, key).vkey }
  await store.insert(streamsOf(SIZE - SAVED, 1))
  await store.appendAll()
  await publishCheckpoint(store.ledger, log, { key, mark: noMark })
  await store.insert(streamsOf(20, 1, { tenantId: await store.addTenant('other') }))
  await store.appendAll()
  const { rows } = await store.superuser.query<{ name: string }>(`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname = 'ledger' and tablename not like '%migration%' and tablename <> 'schema_migration'`)
  tables = ['countersign.event', 'countersign.subject', ...rows.map(({ name }) => name)]
  for (const [at, table] of tables.entries()) {
    await store.superuser.query(`create table public.saved_${at} as select * from ${table}`)
  }
})
afterAll(() => store.drop())

/** Everything as it was recorded. */
beforeEach(async () => {
  const restore = tables.map(
    (table, at) => `delete from ${table}; insert into ${table} select * from public.saved_${at};`,
  )
  await store.superuser.query(`begin; set local session_replication_role = replica; ${restore.join('')} commit;`)
})

const verify = () => verifyStore({ pg: store.ledger, log, knownCheckpoint: saved })
const found = async (): Promise<readonly Finding[]> => {
  const report = await verify()
  expect(report).toMatchObject({ verdict: 'diverged', exitCode: 30, totalFindings: report.findings.length })
  return report.findings
}
const entryAt = async (index: number) => {
  const { rows } = await store.superuser.query<{ event_id: string; kind: string; stream_id: string; version: string }>(
    'select event_id, kind, stream_id, version from ledger.entry where log_id = $1 and idx = $2',
    [log, index],
  )
  const [row] = rows
  if (row === undefined) throw new Error('no such entry')
  return { eventId: row.event_id, kind: row.kind, streamId: row.stream_id, version: Number(row.version) }
}

describe('a store as it was recorded', () => {
  it('is found sound, held against a checkpoint from before, with whatever is still on its way', async () => {
    await store.insert([{}, {}, {}])
    const report = await verify()
    expect(report).toEqual({
      verdict: 'ok',
      exitCode: 0,
      log,
      entries: SIZE,
      counts: { events: SIZE + 3, pending: 3, subjects: 1, erased: 0 },
      findings: [],
      totalFindings: 0,
      checkpointSize: SAVED,
    })
  })

  it('is also sound after a subject was erased', async () => {
    await store.tamper('delete from countersign.subject')
    expect(await verify()).toMatchObject({ verdict: 'ok', counts: { subjects: 0, erased: 1 } })
  })

  it('is held only against itself without a checkpoint, and the report says so', async () => {
    const report = await verifyStore({ pg: store.ledger, log })
    expect(report.verdict).toBe('ok')
    expect(report).not.toHaveProperty('checkpointSize')
  })
})

describe.each([
  ['before the saved checkpoint', 300],
  ['after it', 560],
  ['in a partial tile', 599],
  ['at the very beginning', 0],
])('an event row %s', (_, index) => {
  it.each([
    ['data', `data = data::jsonb || '{"note":"forged"}'`, ['data']],
    ['type', `type = 'dev.countersign.Forged.v1'`, ['type']],
    ['time', `recorded_at = recorded_at + interval '1 ms'`, ['recordedAt']],
    ['id', `event_id = gen_random_uuid()`, ['id']],
  ])('whose %s was edited is named', async (column, change, fields) => {
    const event = await entryAt(index)
    await store.tamper(`update countersign.event set ${change} where event_id = $1`, [event.eventId])
    const findings = await found()
    expect(findings[0]).toEqual({ code: 'event_differs', index, ...event, fields })
    expect(findings.slice(1).map(({ code }) => code)).toEqual(column === 'id' ? ['event_not_logged'] : [])
  })

  it('that was deleted is named', async () => {
    const event = await entryAt(index)
    await store.tamper('delete from countersign.event where event_id = $1', [event.eventId])
    const findings = await found()
    expect(findings[0]).toEqual({ code: 'event_missing', index, ...event })
    expect(findings.slice(1)).toEqual(index === 0 ? [{ code: 'subject_not_introduced', subjectId }] : [])
  })

  it('that was given to another tenant is named', async () => {
    const event = await entryAt(index)
    await store.tamper('update countersign.event set tenant_id = gen_random_uuid() where event_id = $1', [
      event.eventId,
    ])
    expect((await found())[0]).toEqual({ code: 'event_missing', index, ...event })
  })

  it.each([
    ['leaf', `leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1)`],
    ['leaf', `leaf = convert_to('not json', 'UTF8')`],
    ['leaf_hash', `leaf_hash = set_byte(leaf_hash, 3, get_byte(leaf_hash, 3) # 1)`],
    ['event_id', `event_id = gen_random_uuid()`],
  ])('has an entry whose %s was edited: it is named', async (column, change) => {
    await store.tamper(`update ledger.entry set ${change} where log_id = $1 and idx = $2`, [log, index])
    const { eventId } = await entryAt(index)
    const findings = await found()
    expect(findings[0]).toEqual({ code: 'entry_differs', index, eventId, columns: [column] })
    expect(findings.slice(1).map(({ code }) => code)).toEqual(column === 'event_id' ? ['event_not_logged'] : [])
  })

  it('has an entry that was deleted: it is named', async () => {
    const event = await entryAt(index)
    await store.tamper('delete from ledger.entry where log_id = $1 and idx = $2', [log, index])
    const findings = await found()
    expect(findings).toContainEqual(
      index === SIZE - 1 ? { code: 'head_differs', size: SIZE, entries: SIZE - 1 } : { code: 'entry_missing', index },
    )
    expect(findings).toContainEqual(expect.objectContaining({ code: 'event_not_logged', ...event }))
  })
})

describe('who changes more than one thing', () => {
  it('does not get away with an event row and its entry that agree', async () => {
    const event = await entryAt(300)
    const forge = `replace(leaf, '"data":{', '"data":{"forged":true,')`
    await store.tamper(`update countersign.event set data = data::jsonb || '{"forged":true}' where event_id = $1`, [
      event.eventId,
    ])
    await store.tamper(
      `update ledger.entry set leaf = convert_to(${forge.replace('leaf,', `convert_from(leaf, 'UTF8'),`)}, 'UTF8'),
         leaf_hash = sha256('\\x00'::bytea || convert_to(${forge.replace('leaf,', `convert_from(leaf, 'UTF8'),`)}, 'UTF8'))
       where event_id = $1`,
      [event.eventId],
    )
    const findings = await found()
    expect(findings).toContainEqual({ code: 'event_differs', index: 300, ...event, fields: [] })
    expect(findings).toContainEqual({
      code: 'entry_differs',
      index: 300,
      eventId: event.eventId,
      columns: ['leaf', 'leaf_hash'],
    })
  })

  it('does not get away with a whole log rebuilt over forged events', async () => {
    const event = await entryAt(300)
    await store.tamper(`update countersign.event set data = '{"forged":true}' where event_id = $1`, [event.eventId])
    for (const table of ['entry', 'tile', 'checkpoint'])
      await store.tamper(`delete from ledger.${table} where log_id = $1`, [log])
    await store.tamper(`update ledger.log_head set size = 0, frontier = '' where log_id = $1`, [log])
    await store.tamper(`update ledger.progress set incarnation = 0, xid = '0', position = 0`)
    expect(await store.appendAll()).toBe(SIZE)
    expect(await found()).toEqual([{ code: 'root_differs', size: SAVED, checkpoint: 'known' }])
    expect(await verifyStore({ pg: store.ledger, log })).toMatchObject({ verdict: 'ok' })
  })

  it('does not get away with a tail that was cut off everywhere', async () => {
    await store.tamper(
      `delete from countersign.event v using ledger.entry e
       where e.log_id = $1 and e.idx >= 400 and v.event_id = e.event_id`,
      [log],
    )
    for (const table of ['entry', 'tile', 'checkpoint'])
      await store.tamper(`delete from ledger.${table} where log_id = $1`, [log])
    await store.tamper(`update ledger.log_head set size = 0, frontier = '' where log_id = $1`, [log])
    await store.tamper(`update ledger.progress set incarnation = 0, xid = '0', position = 0`)
    expect(await store.appendAll()).toBe(400)
    expect(await found()).toEqual([{ code: 'log_too_short', size: SAVED, checkpoint: 'known' }])
  })

  it('does not get away with an event row slipped in behind the ledger', async () => {
    const { eventId } = await entryAt(10)
    const forged = newId()
    await store.tamper(
      `insert into countersign.event (event_id, incarnation, tenant_id, kind, stream_id, version, type, data, metadata, xid, position)
       select $2, incarnation, tenant_id, 'attempts', stream_id, 1, type, data, metadata, xid, -position
       from countersign.event where event_id = $1`,
      [eventId, forged],
    )
    expect(await found()).toEqual([
      expect.objectContaining({ code: 'event_not_logged', eventId: forged, kind: 'attempts', version: 1 }),
    ])
  })

  it('does not get away with two entries that changed places', async () => {
    await store.tamper('update ledger.entry set idx = 700 where log_id = $1 and idx = 10', [log])
    await store.tamper('update ledger.entry set idx = 10 where log_id = $1 and idx = 11', [log])
    await store.tamper('update ledger.entry set idx = 11 where log_id = $1 and idx = 700', [log])
    const findings = await found()
    expect(findings.filter(({ code }) => code === 'entry_differs')).toMatchObject([{ index: 10 }, { index: 11 }])
  })
})

describe('the rest of the log', () => {
  it.each([
    [0, 0, 17, { position: 17, firstLeaf: 17 }],
    [0, 2, 80, { position: 80, firstLeaf: 592 }],
    [1, 0, 1, { position: 1, firstLeaf: 256 }],
  ])('names an edited tile: level %i, index %i, hash %i', async (level, index, position, place) => {
    await store.tamper(
      `update ledger.tile set hashes = set_byte(hashes, $3::int * 32, get_byte(hashes, $3::int * 32) # 1)
       where log_id = $4 and level = $1 and idx = $2`,
      [level, index, position, log],
    )
    expect(await found()).toEqual([{ code: 'tile_differs', level, index, ...place }])
  })

  it('names a tile that is missing, cut or too many', async () => {
    await store.tamper('delete from ledger.tile where log_id = $1 and level = 1', [log])
    await store.tamper(
      'update ledger.tile set hashes = substring(hashes from 1 for 64) where log_id = $1 and idx = 1',
      [log],
    )
    await store.tamper(`insert into ledger.tile values ($1, 0, 9, sha256('x'))`, [log])
    expect(await found()).toEqual([
      { code: 'tile_missing', level: 0, index: 1 },
      { code: 'tile_missing', level: 1, index: 0 },
      { code: 'tile_extra', level: 0, index: 9 },
    ])
  })

  it('names a head, a stored checkpoint and an origin that were edited', async () => {
    await store.tamper(
      `update ledger.log_head set frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1) where log_id = $1`,
      [log],
    )
    expect(await found()).toEqual([{ code: 'head_differs', size: SIZE, entries: SIZE }])
    await store.tamper(`update ledger.checkpoint set root = sha256('x') where log_id = $1 and size = $2`, [log, SIZE])
    expect(await found()).toContainEqual({ code: 'checkpoint_differs', size: SIZE })
    expect(await found()).toContainEqual({ code: 'root_differs', size: SIZE, checkpoint: 'stored' })
    await store.tamper(`update ledger.log set origin = 'elsewhere' where log_id = $1`, [log])
    expect(await found()).toContainEqual({ code: 'origin_differs' })
  })

  it('names a log that is gone', async () => {
    expect(await verifyStore({ pg: store.ledger, log: newId(), knownCheckpoint: saved })).toMatchObject({
      exitCode: 30,
      findings: [{ code: 'log_missing' }],
    })
  })
})

describe('the mapping of subjects', () => {
  it.each([
    ['sub', `sub = 'mallory'`],
    ['iss', `iss = 'https://other.example'`],
    ['salt', `salt = sha256('x')`],
  ])('whose %s was edited is named with the event that committed to it', async (_, change) => {
    const { eventId } = await entryAt(0)
    await store.tamper(`update countersign.subject set ${change}`)
    expect(await found()).toEqual([{ code: 'subject_differs', subjectId, eventId }])
  })

  it('that nobody introduced is named', async () => {
    const other = newId()
    await store.tamper('update countersign.subject set subject_id = $1', [other])
    expect(await found()).toEqual([{ code: 'subject_not_introduced', subjectId: other }])
  })
})

describe('a checkpoint that cannot be trusted', () => {
  const foreign = noteSigner('countersign.test/log/x', generateKeyPairSync('ed25519').privateKey)

  it.each([
    ['signature_unknown', () => ({ ...saved, vkey: foreign.vkey })],
    ['signature_invalid', () => ({ ...saved, note: saved.note.replace(`\n${SAVED}\n`, `\n${SAVED + 1}\n`) })],
    ['note_malformed', () => ({ ...saved, note: 'nothing' })],
    ['key_malformed', () => ({ ...saved, vkey: 'nothing' })],
  ])('is no base for a verdict: %s', async (invalid, knownCheckpoint) => {
    const report = await verifyStore({ pg: store.ledger, log, knownCheckpoint: knownCheckpoint() })
    expect(report).toMatchObject({ verdict: 'invalid', exitCode: 40, invalid, findings: [] })
  })

  it('of another log with its own key does not vouch for this one', async () => {
    const note = signCheckpoint({ size: 1, root: Buffer.alloc(32, 1) }, foreign)
    const report = await verifyStore({ pg: store.ledger, log, knownCheckpoint: { note, vkey: foreign.vkey } })
    expect(report.findings).toContainEqual({ code: 'origin_differs' })
  })
})
