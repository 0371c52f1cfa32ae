import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPostgresBus, migrateBus } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { newId } from '@countersign/event-store'
import { type IdentityProvider, signIn, startIdentityProvider } from '@countersign/loopback/identity-provider'
import {
  consistencyProof,
  decodeEntryBundle,
  inclusionProof,
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  tilePath,
  type TrustedLog,
  verifyConsistency,
  verifyInclusion,
  verifyTlogProof,
} from '@countersign/merkle-log'
import { buildService, createLog, readConfig, type Service } from '@countersign/service-kit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { composeLedger } from '../compose-ledger.ts'
import { ledgerConfig } from '../ledger.config.ts'
import { freshLedger, type LedgerStore, streamsOf } from '../ledger-store.fixture.ts'

const SIZE = 600
const AUDIENCE = 'https://countersign.example'
const people = ['auditor', 'analyst', 'stranger', 'unknown'].map((sub) => ({
  sub,
  name: sub,
  email: `${sub}@corp.example`,
  password: `${sub} password`,
}))

let store: LedgerStore
let folder: string
let provider: IdentityProvider
let service: Service
let url: string
let stopBus: () => Promise<void>
let logId: string
let log: TrustedLog
let eventIds: string[]

beforeAll(async () => {
  store = await freshLedger()
  folder = await mkdtemp(join(tmpdir(), 'countersign-ledger-'))
  provider = await startIdentityProvider({
    port: 0,
    people,
    clients: [{ kind: 'cli', clientId: 'countersign-cli' }],
    audience: AUDIENCE,
    signingKeyFile: join(folder, 'signing-key.json'),
  })
  await registerPeople()
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  await writeFile(join(folder, 'checkpoint.key'), key, { mode: 0o600 })
  const owner = new pg.Client({ connectionString: store.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: ['countersign_ledger'] })
  await owner.end()
  const busPool = new pg.Pool({ connectionString: store.urlOf('ledger') })
  const bus = createPostgresBus({ pool: busPool, log: () => undefined })
  stopBus = async () => {
    await bus.close()
    await busPool.end()
  }
  service = await buildService({
    name: 'ledger',
    config: readConfig(ledgerConfig, {
      DATABASE_URL: store.urlOf('ledger'),
      OIDC_ISSUER: provider.issuer,
      OIDC_AUDIENCE: AUDIENCE,
      CHECKPOINT_KEY_FILE: join(folder, 'checkpoint.key'),
      PUBLISHED_MARK_DIR: join(folder, 'marks'),
    }),
    log: createLog({ service: 'ledger', level: 'silent' }),
    compose: composeLedger({ bus }),
  })
  await service.start()
  url = await service.listen({ port: 0 })

  const rows = streamsOf(SIZE / 2, 2).map((row) => ({ ...row, eventId: newId() }))
  eventIds = rows.map(({ eventId }) => eventId)
  await store.insert(rows)
  await store.gatePassed()
  await bus.publish([{ topic: topics.events, key: null, value: null, headers: {} }])
  const [summary] = await untilPublished()
  const vkey = parseVerifierKey(summary?.vkey ?? '')
  if (summary === undefined || !vkey.ok) throw new Error('the log is not listed')
  logId = summary.log
  log = { origin: summary.origin, verifiers: [vkey.verifier] }
})
afterAll(async () => {
  await service.stop()
  await stopBus()
  await provider.stop()
  await store.drop()
  await rm(folder, { recursive: true, force: true })
})

const registerPeople = async () => {
  const other = await store.addTenant('other')
  for (const { sub } of people.slice(0, 3)) {
    const ids = [sub === 'stranger' ? other : store.tenantId, newId()]
    await store.superuser.query(
      `insert into countersign.subject (tenant_id, subject_id, iss, sub, salt) values ($1, $2, $3, $4, sha256('s'))`,
      [...ids, provider.issuer, sub],
    )
    await store.superuser.query(
      `insert into countersign.person (tenant_id, subject_id, display_name) values ($1, $2, $3)`,
      [...ids, sub],
    )
    if (sub === 'analyst') continue
    await store.superuser.query(
      `insert into countersign.group_member (tenant_id, subject_id, group_name) values ($1, $2, 'auditors')`,
      ids,
    )
  }
}

const tokens = new Map<string, Promise<string>>()
const tokenOf = (sub: string): Promise<string> => {
  const token =
    tokens.get(sub) ??
    signIn({
      issuer: provider.issuer,
      clientId: 'countersign-cli',
      username: `${sub}@corp.example`,
      password: `${sub} password`,
    })
  tokens.set(sub, token)
  return token
}

const get = async (path: string, { as, accept }: { as?: string; accept?: string } = {}) => {
  const headers = {
    ...(as === undefined ? {} : { authorization: `Bearer ${await tokenOf(as)}` }),
    ...(accept === undefined ? {} : { accept }),
  }
  return fetch(`${url}/v1/ledger/${path}`, { headers })
}
const bytes = async (path: string, as?: string): Promise<Buffer> => {
  const response = await get(path, as === undefined ? {} : { as })
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}
const problem = async (path: string, as?: string) => {
  const response = await get(path, as === undefined ? {} : { as })
  const body = (await response.json()) as { code: string }
  return [response.status, body.code]
}

const untilPublished = async () => {
  for (;;) {
    const { logs } = (await (await get('logs', { as: 'auditor' })).json()) as {
      logs: { log: string; origin: string; vkey: string; size: number }[]
    }
    if (logs[0]?.size === SIZE) return logs
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const checkpoint = async () => {
  const opened = openCheckpoint(await bytes(`${logId}/checkpoint`), log)
  if (!opened.ok) throw new Error(opened.code)
  return opened.checkpoint
}

describe('anybody', () => {
  it('reads the signed checkpoint, which caches do not keep', async () => {
    expect(await checkpoint()).toMatchObject({ origin: `countersign.local/log/${logId}`, size: SIZE })
    const { headers } = await get(`${logId}/checkpoint`)
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('computes every proof from the tiles, full and partial, which caches keep for ever', async () => {
    const { root, size } = await checkpoint()
    const readTile = (level: number, index: number, width: number) =>
      bytes(`${logId}/${tilePath({ level, index, width })}`)
    const leaves = await Promise.all([0, 1, 2].map((index) => readTile(0, index, index < 2 ? 256 : SIZE - 512)))
    for (const index of [0, 255, 256, 599]) {
      const leaf = leaves[Math.floor(index / 256)]?.subarray((index % 256) * 32, (index % 256) * 32 + 32)
      const proof = await inclusionProof(readTile, index, size)
      expect(verifyInclusion({ index, size, root, proof, leafHash: leaf ?? Buffer.alloc(0) })).toEqual({ ok: true })
    }
    const { headers } = await get(`${logId}/tile/0/000`)
    expect(headers.get('content-type')).toBe('application/octet-stream')
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(await consistencyProof(readTile, 17, size)).toHaveLength(11)
  })

  it('gets the proof of an event as text that verifies offline, and as JSON', async () => {
    for (const at of [0, 299, 300, 599]) {
      const path = `${logId}/events/${eventIds[at]}/proof`
      const json = (await (await get(path)).json()) as { index: number; leafHash: string; proof: string }
      const leaf = Buffer.from(json.leafHash.slice('sha256:'.length), 'hex')
      const text = await (await get(path, { accept: 'text/plain' })).text()
      expect(json).toMatchObject({ log: logId, origin: log.origin, index: at, size: SIZE, proof: text })
      expect(verifyTlogProof(text, leaf, log)).toMatchObject({ ok: true, index: at })
    }
  })

  it('gets proofs that the log only grew', async () => {
    const { root, size } = await checkpoint()
    const older = await bytes(`${logId}/tile/0/000.p/1`)
    const response = await get(`${logId}/consistency?from=1&to=${size}`)
    const { hashes } = (await response.json()) as { hashes: string[] }
    const proof = hashes.map((hash) => Buffer.from(hash, 'base64'))
    expect(verifyConsistency({ from: 1, fromRoot: older, to: size, toRoot: root, proof })).toEqual({ ok: true })
  })

  it.each([
    'tile/0/002',
    'tile/0/002.p/89',
    'tile/0/003.p/1',
    'tile/2/000.p/1',
    'tile/1/000.p/3',
    'tile/0/0',
    'tile/0/000.p/256',
    `events/${'0'.repeat(8)}-0000-7000-8000-${'0'.repeat(12)}/proof`,
    'events/none/proof',
    'consistency?from=5&to=4',
    'consistency?from=1&to=601',
  ])('finds nothing that the published tree does not have: %s', async (path) => {
    const [status, code] = await problem(`${logId}/${path}`)
    expect([status, code]).toEqual([404, 'not_found'])
    expect((await get(`${logId}/${path}`)).headers.get('cache-control')).toBe('no-store')
  })

  it('finds no other log', async () => {
    expect(await problem(`${newId()}/checkpoint`)).toEqual([404, 'not_found'])
    expect(await problem('not-an-id/checkpoint')).toEqual([404, 'not_found'])
  })

  it('names a range that is no range', async () => {
    expect(await problem(`${logId}/consistency?from=0&to=1`)).toEqual([400, 'invalid_parameter'])
    expect(await problem(`${logId}/consistency?from=1`)).toEqual([400, 'invalid_parameter'])
  })

  it('reads no entries and no list', async () => {
    expect(await problem('logs')).toEqual([401, 'token_missing'])
    for (const path of ['tile/entries/000', 'tile/%65ntries/000', 'tile/entries/002.p/88']) {
      const response = await get(`${logId}/${path}`)
      expect([401, 404]).toContain(response.status)
    }
  })
})

describe('somebody of the tenant', () => {
  it('reads the entries as its auditor: each hashes to its leaf', async () => {
    for (const path of ['000', '001', '002.p/88']) {
      const entries = decodeEntryBundle(await bytes(`${logId}/tile/entries/${path}`, 'auditor')) ?? []
      const leaves = await bytes(`${logId}/tile/0/${path}`)
      expect(Buffer.concat(entries.map(leafHash))).toEqual(leaves)
    }
    const { headers } = await get(`${logId}/tile/entries/000`, { as: 'auditor' })
    expect(headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
  })

  it('reads the list but no entries without being an auditor', async () => {
    expect((await get('logs', { as: 'analyst' })).status).toBe(200)
    expect(await problem(`${logId}/tile/entries/000`, 'analyst')).toEqual([403, 'not_allowed'])
  })
})

describe('somebody else', () => {
  it('sees neither the list nor the entries of another tenant, auditor or not', async () => {
    expect(await (await get('logs', { as: 'stranger' })).json()).toEqual({ logs: [] })
    expect(await problem(`${logId}/tile/entries/000`, 'stranger')).toEqual([404, 'not_found'])
  })

  it('is refused when the directory does not know them', async () => {
    expect(await problem('logs', 'unknown')).toEqual([403, 'person_inactive'])
    expect(await problem(`${logId}/tile/entries/000`, 'unknown')).toEqual([403, 'person_inactive'])
  })
})
