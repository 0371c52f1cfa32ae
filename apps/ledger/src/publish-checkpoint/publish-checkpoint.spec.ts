import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint, verifierOf } from '@countersign/merkle-log'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freshLedger, type LedgerStore, streamsOf } from '../ledger-store.fixture.ts'
import { backupOf } from '../set-back.fixture.ts'
import { publishHeads } from './publish-heads.ts'
import { type Publication, publishCheckpoint, unpublishedLogs } from './publish-checkpoint.ts'
import { type PublishedMark, publishedMarkIn } from './published-mark.ts'
import { readSigningKey } from './signing-key.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')

let store: LedgerStore
let folder: string
let mark: PublishedMark
let logId: string

beforeEach(async () => {
  store = await freshLedger()
  folder = await mkdtemp(join(tmpdir(), 'countersign-mark-'))
  mark = publishedMarkIn(folder)
  await grow(300)
  logId = await store.logIdOf(store.tenantId)
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
  await store.drop()
})

const grow = async (events: number) => {
  await store.insert(streamsOf(events, 1))
  await store.appendAll()
}
const publish = () => publishCheckpoint(store.ledger, logId, { key: privateKey, mark })
const recorded = async () =>
  (
    await store.superuser.query<{ size: string; note: string }>(
      'select size, note from ledger.checkpoint order by size',
    )
  ).rows

describe('publishing the head of a log', () => {
  it('signs it, keeps the mark outside of the database and the note inside', async () => {
    const outcome = await publish()
    if (outcome.status !== 'published') throw new Error(outcome.status)
    const origin = `countersign.test/log/${logId}`
    const opened = openCheckpoint(outcome.note, { origin, verifiers: [verifierOf(origin, publicKey)] })
    expect(opened).toMatchObject({ ok: true, checkpoint: { origin, size: 300 } })
    expect(await mark.read(logId)).toBe(outcome.note)
    expect(await recorded()).toEqual([{ size: '300', note: outcome.note }])
    expect(await readdir(folder)).toEqual([`${logId}.checkpoint`])
  })

  it('says the same thing once, and goes on when the log grows', async () => {
    await publish()
    expect(await publish()).toEqual({ status: 'unchanged' })
    await grow(1)
    expect(await unpublishedLogs(store.ledger)).toEqual([logId])
    expect(await publish()).toMatchObject({ status: 'published', size: 301 })
    expect(await unpublishedLogs(store.ledger)).toEqual([])
    expect((await recorded()).map(({ size }) => size)).toEqual(['300', '301'])
  })

  it('finishes what a crash between mark and database left', async () => {
    const outcome = await publish()
    await store.tamper('delete from ledger.checkpoint')
    expect(await publish()).toEqual(outcome)
    expect(await recorded()).toHaveLength(1)
  })

  it('publishes every log in the background and tells of each checkpoint', async () => {
    const outcomes: Publication[] = []
    const publisher = publishHeads({
      pool: store.ledger,
      key: privateKey,
      mark,
      onOutcome: (outcome) => void outcomes.push(outcome),
      onSuccess: () => undefined,
      onFailure: (error) => {
        throw error
      },
    })
    while (outcomes.length < 1) await new Promise((resolve) => setImmediate(resolve))
    await grow(1)
    publisher.wake()
    while (outcomes.length < 2) await new Promise((resolve) => setImmediate(resolve))
    await publisher.stop()
    expect(outcomes).toMatchObject([{ size: 300 }, { size: 301 }])
  })
})

describe('the rollback guard', () => {
  const refused = (code: string) => ({ status: 'refused', logId, code })

  it('refuses a log that is shorter than what was published, also when the database forgot that', async () => {
    const backup = await backupOf(store)
    await grow(5)
    await publish()
    await backup.restore()
    expect(await publish()).toEqual(refused('rolled_back'))
    expect(await recorded()).toEqual([])
  })

  it('refuses a log that went another way since', async () => {
    const backup = await backupOf(store)
    await grow(5)
    await publish()
    await backup.restore()
    await grow(5)
    await grow(20)
    expect(await publish()).toEqual(refused('rewritten'))
  })

  it('refuses a head that its tiles do not make', async () => {
    await publish()
    await grow(1)
    await store.tamper(
      `update ledger.tile set hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1) where level = 0 and idx = 1`,
    )
    expect(await publish()).toMatchObject({ status: 'refused' })
    await store.tamper(`update ledger.tile set hashes = substring(hashes from 1 for 32) where level = 0 and idx = 1`)
    expect(await publish()).toEqual(refused('edge_differs'))
  })

  it('refuses a frontier that was changed', async () => {
    await publish()
    await grow(1)
    await store.tamper(`update ledger.log_head set frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1)`)
    expect(await publish()).toEqual(refused('rewritten'))
  })

  it('refuses to go on from a mark that this key did not sign', async () => {
    await publish()
    const other = generateKeyPairSync('ed25519').privateKey
    const foreign = await publishCheckpoint(store.ledger, logId, { key: other, mark })
    expect(foreign).toEqual(refused('mark_invalid'))
    await mark.write(logId, 'not a note')
    expect(await publish()).toEqual(refused('mark_invalid'))
  })
})

describe('the signing key', () => {
  const file = () => join(folder, 'checkpoint.key')
  const pem = (key = privateKey) => key.export({ type: 'pkcs8', format: 'pem' })

  it('is an Ed25519 key that only its owner can read', async () => {
    await writeFile(file(), pem(), { mode: 0o600 })
    expect(readSigningKey(file()).equals(privateKey)).toBe(true)
    await chmod(file(), 0o640)
    expect(() => readSigningKey(file())).toThrow('0600')
  })

  it('is of no other type', async () => {
    await writeFile(file(), pem(generateKeyPairSync('x25519').privateKey), { mode: 0o600 })
    expect(() => readSigningKey(file())).toThrow('not an Ed25519 key')
  })
})
