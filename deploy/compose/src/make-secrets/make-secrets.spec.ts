import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Setup } from '../setup.ts'
import { makeSecrets } from './make-secrets.ts'

describe('the secrets of a deployment', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-secrets-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const make = (producers: readonly string[] = ['etl']) =>
    makeSecrets({
      folder,
      producers,
      postgres: 'postgres:5432',
      broker: 'kafka:9092',
      outside: { tls: 9_094, mtls: 9_095 },
      own: [],
    })
  /** Content of every file that was handed out, by `whose/name`. */
  const handedOut = async (): Promise<Map<string, string>> => {
    const paths = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .filter((path) => !path.startsWith('made/'))
    const contents = await Promise.all(paths.map((path) => readFile(join(folder, path), 'utf8')))
    return new Map(paths.map((path, at) => [path, contents[at] ?? '']))
  }
  const holdersOf = (files: ReadonlyMap<string, string>, secret: string): string[] =>
    [
      ...new Set(
        [...files].filter(([, content]) => content.includes(secret)).map(([path]) => path.split('/')[0] ?? ''),
      ),
    ].sort()

  it('are made once, and mended where they were lost or changed', async () => {
    const first = await make()
    expect(first.kept).toBe(0)
    const files = await handedOut()
    expect(await make()).toEqual({ written: [], kept: first.written.length })
    await rm(join(folder, 'intake/grant.pem'))
    await rm(join(folder, 'policy/bus-mac-key'))
    await writeFile(join(folder, 'policy/bus-mac-key'), 'other')
    expect((await make()).written).toEqual(['intake/grant.pem', 'policy/bus-mac-key'])
    expect(await handedOut()).toEqual(files)
  })

  it('are known to those alone who need them', async () => {
    await make()
    const files = await handedOut()
    const made = async (name: string) => (await readFile(join(folder, 'made', name), 'utf8')).trim()
    const kafka = JSON.parse(await made('kafka.json')) as { passwords: Record<string, string> }
    const { superuserUrl, secrets } = JSON.parse(files.get('setup/setup.json') ?? '') as Setup
    const holders = async (secret: string | Promise<string>) => holdersOf(files, await secret)
    expect(await holders(made('keys/grant.pem'))).toEqual(['intake'])
    expect(await holders(made('keys/log.pem'))).toEqual(['ledger'])
    expect(await holders(made('keys/deployment.key'))).toEqual(['intake', 'notifier', 'policy'])
    expect(await holders(made('keys/store-mark.key'))).toEqual(['intake', 'notifier', 'policy', 'relay'])
    expect(await holders(made('superuser-password'))).toEqual(['postgres', 'setup'])
    expect(superuserUrl).toContain(await made('superuser-password'))
    expect(await holders(made('tls/ca.key'))).toEqual([])
    expect(await holders(kafka.passwords['admin'] ?? '')).toEqual(['kafka', 'setup'])
    expect(await holders(kafka.passwords['intake'] ?? '')).toEqual(['intake', 'kafka'])
    expect(await holders(kafka.passwords['siem'] ?? '')).toEqual(['kafka', 'outside'])
    expect(await holders(secrets.rolePasswords.ledger)).toEqual(['ledger', 'setup'])
    expect(await holders(secrets.rolePasswords.owner)).toEqual(['setup'])
    expect(await holders(secrets.passwords.dana)).toEqual(['demo', 'setup'])
  })

  it('can be read by their owner alone', async () => {
    await make()
    for (const path of (await handedOut()).keys()) expect((await stat(join(folder, path))).mode & 0o777).toBe(0o400)
    for (const whose of await readdir(folder)) expect((await stat(join(folder, whose))).mode & 0o777).toBe(0o700)
  })

  it('stay as they are when a producer is added, which gets its own', async () => {
    await make()
    const before = await handedOut()
    await make(['etl', 'billing'])
    const after = await handedOut()
    const changed = [...after.keys()].filter((path) => after.get(path) !== before.get(path))
    expect(changed.sort()).toEqual([
      'kafka/format-arguments',
      'outside/billing.crt',
      'outside/billing.key',
      'outside/billing.password',
      'setup/setup.json',
    ])
  })

  it('are not made for a producer that could pass for one of ours', async () => {
    await expect(make(['relay'])).rejects.toThrow(TypeError)
    expect(await readdir(folder)).toEqual([])
  })
})
