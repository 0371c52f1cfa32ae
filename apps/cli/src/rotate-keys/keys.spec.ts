import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Writable } from 'node:stream'
import { run } from '../run.ts'
import { keyFolder } from './key-folder.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
  await mkdir(join(dataDir, 'keys'))
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  await writeFile(join(dataDir, 'keys', 'grant.pem'), pem)
})
afterEach(() => rm(dataDir, { recursive: true }))

const file = (name: string) => join(dataDir, 'keys', name)
const published = async () => (JSON.parse(await readFile(file('grant-keys.json'), 'utf8')) as { keys: object[] }).keys

it('rotates to a new key, keeps the public half of the former, and nothing of its private half', async () => {
  const keys = keyFolder(dataDir)
  const [before] = await keys.list()
  const pem = await readFile(file('grant.pem'), 'utf8')
  const { kid, former } = await keys.rotate()
  expect(former).toBe(before?.kid)
  expect(await keys.list()).toEqual([
    { kid, role: 'signs' },
    { kid: former, role: 'verifies' },
  ])
  expect(await readFile(file('grant.pem'), 'utf8')).not.toBe(pem)
  expect((await stat(file('grant.pem'))).mode & 0o777).toBe(0o600)
  expect(JSON.stringify(await published())).not.toContain('"d"')
})

it('rotates to the key that was prepared, however often that was asked for', async () => {
  const keys = keyFolder(dataDir)
  const next = await keys.prepare()
  expect(await keys.prepare()).toBe(next)
  expect((await keys.list()).map(({ role }) => role)).toEqual(['signs', 'signs next'])
  expect((await keys.rotate()).kid).toBe(next)
})

it('retires a former key only, never one that signs or will', async () => {
  const keys = keyFolder(dataDir)
  const { kid, former } = await keys.rotate()
  const next = await keys.prepare()
  for (const held of [kid, next, 'unknown']) await expect(keys.retire(held)).rejects.toThrow()
  await keys.retire(former)
  expect((await keys.list()).map((key) => key.kid)).toEqual([kid, next])
})

it('says where there is no key to rotate', async () => {
  await expect(keyFolder(join(dataDir, 'elsewhere')).rotate()).rejects.toThrow('there is no grant key')
})

it.each([
  ['keys', 'rotate', '--data-dir'],
  ['keys', 'prepare', '--data-dir'],
  ['keys', '--data-dir'],
])('takes the data folder behind %s %s', async (...words) => {
  const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() })
  const streams = { stdout: sink(), stderr: sink() }
  const argv = [...words.filter((word) => word !== undefined), dataDir]
  expect(await run(argv, { streams, env: {}, signal: new AbortController().signal })).toBe(0)
})
