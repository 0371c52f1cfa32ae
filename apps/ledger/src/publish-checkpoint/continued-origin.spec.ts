import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventData, wireTypeOf } from '@countersign/contracts'
import { type LogRefusal, logRefusals, newId, registerStream } from '@countersign/event-store'
import { type StoreReport, verifyStore } from '@countersign/ledger-check'
import { openCheckpoint, verifierOf } from '@countersign/merkle-log'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freshLedger, type LedgerStore, originHost, streamsOf } from '../ledger-store.fixture.ts'
import { type Backup, backupOf } from '../set-back.fixture.ts'
import { publishCheckpoint } from './publish-checkpoint.ts'
import { type PublishedMark, publishedMarkIn } from './published-mark.ts'

const { privateKey: key, publicKey } = generateKeyPairSync('ed25519')

let store: LedgerStore
let folder: string
let mark: PublishedMark
let logId: string
let first: string
let backup: Backup
/** The last checkpoint that was published before the database was put back. */
let lastNote: string

// 300 entries are published and backed up, 20 more are published and lost, and 30 others come after the restore.
beforeEach(async () => {
  store = await freshLedger()
  folder = await mkdtemp(join(tmpdir(), 'countersign-mark-'))
  mark = publishedMarkIn(folder)
  await grow(300)
  logId = await store.logIdOf(store.tenantId)
  first = `${originHost}/log/${logId}`
  await publish()
  backup = await backupOf(store)
  await grow(20)
  lastNote = await published()
  await backup.restore()
  await grow(30)
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
  await store.drop()
})

const grow = async (events: number) => {
  await store.insert(streamsOf(events, 1))
  await store.appendAll()
}
const publish = () => publishCheckpoint(store.ledger, logId, { key, mark })
const published = async (): Promise<string> => {
  const outcome = await publish()
  if (outcome.status !== 'published') throw new Error(JSON.stringify(outcome))
  return outcome.note
}
const refused = (code: string) => ({ status: 'refused', logId, code })
const told = async (): Promise<LogRefusal | undefined> => (await logRefusals(store.poolOf('intake')))[0]

/** Records what an operator decides about what the ledger tells, with what a spec changes in it. */
const act = async (changed: Partial<EventData<'LogContinued'>> = {}): Promise<EventData<'LogContinued'>> => {
  const lost = (await told())?.lost
  if (lost === undefined) throw new Error('nothing is lost')
  const incarnation = changed.incarnation ?? 2
  const data = {
    by: newId(),
    reason: 'restored the backup of 02:00',
    log: logId,
    refusedAs: 'rewritten',
    former: { origin: lost.origin, size: lost.size, root: lost.root.toString('base64') },
    keptSize: lost.keptSize,
    origin: `${lost.origin}/${incarnation}`,
    incarnation,
    ...changed,
  }
  await record(data)
  return data
}
const record = async (data: EventData<'LogContinued'>): Promise<void> => {
  const { kind, streamId } = registerStream(store.tenantId, 'store')
  const { rows } = await store.superuser.query<{ version: number }>(
    'select count(*)::int + 1 as version from countersign.event where stream_id = $1',
    [streamId],
  )
  await store.insert([
    { kind: kind as 'register', streamId, version: rows[0]?.version ?? 1, type: wireTypeOf('LogContinued'), data },
  ])
  await store.appendAll()
}
const trusted = (origin: string) => ({ origin, verifiers: [verifierOf(origin, publicKey)] })
const check = (note: string, origin: string): Promise<StoreReport> =>
  verifyStore({ pg: store.superuser, log: logId, knownCheckpoint: { note, vkey: verifierOf(origin, publicKey).vkey } })

describe('a log that lost entries with a restored database', () => {
  it('is not signed, and whoever decides about it is told what was published and what is left', async () => {
    expect(await publish()).toEqual(refused('rewritten'))
    expect(await told()).toMatchObject({
      logId,
      tenantId: store.tenantId,
      code: 'rewritten',
      lost: { origin: first, size: 320, keptSize: 300 },
    })
  })

  it('goes on under the origin of the act that says so, from what is left, and its former mark is kept', async () => {
    await publish()
    await act()
    const outcome = await publish()
    expect(outcome).toMatchObject({ status: 'published', origin: `${first}/2`, size: 331 })
    const note = await mark.read(logId)
    expect(openCheckpoint(note ?? '', trusted(`${first}/2`))).toMatchObject({ ok: true, checkpoint: { size: 331 } })
    expect(openCheckpoint(note ?? '', trusted(first)).ok).toBe(false)
    const kept = (await readdir(folder)).filter((name) => name.endsWith('.former'))
    expect(await Promise.all(kept.map((name) => readFile(join(folder, name), 'utf8')))).toEqual([lastNote])
    expect(await told()).toBeUndefined()
    await grow(1)
    expect(await publish()).toMatchObject({ origin: `${first}/2`, size: 332 })
    expect(await readdir(folder)).toHaveLength(2)
  })

  it.each<[string, (lost: NonNullable<LogRefusal['lost']>) => Partial<EventData<'LogContinued'>>]>([
    [
      'admits less than was published',
      ({ origin, root }) => ({ former: { origin, size: 310, root: root.toString('base64') } }),
    ],
    [
      'names another root',
      ({ origin, size }) => ({ former: { origin, size, root: Buffer.alloc(32).toString('base64') } }),
    ],
    ['is about another log', () => ({ log: newId() })],
    ['says that more is left', () => ({ keptSize: 310 })],
    ['says that less is left', () => ({ keptSize: 299 })],
    ['does not lead away from the former origin', () => ({ origin: `${originHost}/log/${newId()}/2` })],
  ])('is not signed for an act that %s', async (_what, changed) => {
    await publish()
    const lost = (await told())?.lost
    if (lost === undefined) throw new Error('nothing is lost')
    await act(changed(lost))
    expect(await publish()).toEqual(refused('rewritten'))
  })

  it('is not signed for an act whose entry is not what the tree holds', async () => {
    await publish()
    await act({ keptSize: 299 })
    await store.tamper(
      `update ledger.entry set leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '"keptSize":299', '"keptSize":300'), 'UTF8')
       where kind = 'register'`,
    )
    expect(await publish()).toEqual(refused('rewritten'))
  })

  it('does not go on when what is left does not hold either', async () => {
    await publish()
    await act()
    await store.tamper(
      `update ledger.tile set hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1) where level = 0 and idx = 1`,
    )
    expect(await publish()).toMatchObject({ status: 'refused' })
    expect((await told())?.lost).toBeUndefined()
  })

  it('does not go on from a mark that was put back itself', async () => {
    const former = (await mark.read(logId)) ?? ''
    await publish()
    await act()
    await published()
    await mark.write(logId, former)
    await grow(1)
    expect(await publish()).toEqual(refused('mark_invalid'))
    expect((await told())?.lost).toBeUndefined()
  })

  it('is renamed in the database after a crash that left only the mark', async () => {
    await publish()
    await act()
    const note = await published()
    await store.tamper('delete from ledger.checkpoint where size > 300')
    await store.tamper('update ledger.log set origin = $1', [first])
    expect(await publish()).toMatchObject({ status: 'published', origin: `${first}/2`, note })
    expect(await publish()).toEqual({ status: 'unchanged' })
    expect((await readdir(folder)).filter((name) => name.endsWith('.former'))).toHaveLength(1)
  })

  it('that loses its act as well goes on under a third name, and never under one that it had', async () => {
    await publish()
    await act()
    await published()
    await backup.restore()
    await grow(40)
    expect(await publish()).toEqual(refused('rolled_back'))
    expect((await told())?.lost).toMatchObject({ origin: `${first}/2`, size: 331, keptSize: 300 })
    await act({ incarnation: 2 })
    expect(await publish()).toMatchObject({ status: 'published', origin: `${first}/2/2`, size: 341 })
  })

  it('that loses entries again needs another act', async () => {
    await publish()
    await act()
    await published()
    const later = await backupOf(store)
    await grow(5)
    await published()
    await later.restore()
    await grow(9)
    expect(await publish()).toEqual(refused('rewritten'))
    await act({ incarnation: 3 })
    expect(await publish()).toMatchObject({ origin: `${first}/2/3`, size: 341 })
  })
})

describe('a log that is in order', () => {
  it('is not renamed by an act', async () => {
    await publish()
    const data = await act()
    await published()
    await record({ ...data, origin: `${first}/2/9`, incarnation: 9 })
    expect(await publish()).toMatchObject({ origin: `${first}/2` })
  })
})

describe('who checks the store of a log that went on', () => {
  beforeEach(async () => {
    await publish()
    await act()
  })

  it('finds nothing with a checkpoint of now, nor with one from before of what is left', async () => {
    const earlier = (await store.superuser.query<{ note: string }>('select note from ledger.checkpoint')).rows[0]?.note
    expect(await check(await published(), `${first}/2`)).toMatchObject({ verdict: 'ok', checkpointSize: 331 })
    expect(await check(earlier ?? '', first)).toMatchObject({ verdict: 'ok', checkpointSize: 300 })
  })

  it('is told what is lost of a checkpoint from before, and by which entry', async () => {
    await published()
    expect(await check(lastNote, first)).toMatchObject({
      verdict: 'diverged',
      findings: [{ code: 'entries_lost', from: 300, size: 320, index: 330 }],
    })
  })

  it('finds an entry changed that was left, with the checkpoint from before', async () => {
    const earlier = (await store.superuser.query<{ note: string }>('select note from ledger.checkpoint')).rows[0]?.note
    await published()
    await store.tamper(
      `update countersign.event set data = '{"note":"another"}' where position = (select min(position) from countersign.event)`,
    )
    expect((await check(earlier ?? '', first)).findings).toMatchObject([{ code: 'event_differs' }])
  })
})
