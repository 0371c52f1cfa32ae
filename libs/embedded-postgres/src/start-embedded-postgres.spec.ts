import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packagedBinaries, usableBinaries } from './binaries.ts'
import { openDataDir, placeCluster } from './data-dir.ts'
import { isAlive } from './process-identity.ts'
import { chooseServerAccount } from './server-account.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './start-embedded-postgres.ts'

const asRoot = process.getuid?.() === 0
let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'embedded-postgres-spec-'))
  await chmod(root, 0o755)
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function query<Row extends pg.QueryResultRow>(server: EmbeddedPostgres, sql: string): Promise<Row[]> {
  const { host, port, superuser: user, superuserPassword: password } = server
  const client = new pg.Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

describe('an embedded PostgreSQL', () => {
  it('keeps what was written over a stop, over a kill of the server and over a kill of the process that started it', async () => {
    const dataDir = join(root, 'kept')
    const first = await startEmbeddedPostgres({ dataDir })
    await query(first, 'CREATE TABLE note (body text)')
    await query(first, "INSERT INTO note VALUES ('before the stop')")
    await first.stop()
    expect(isAlive(first.serverPid)).toBe(false)

    const second = await startEmbeddedPostgres({ dataDir })
    expect(second.superuserPassword).toBe(first.superuserPassword)
    await query(second, "INSERT INTO note VALUES ('before the kill')")
    process.kill(second.serverPid, 'SIGKILL')
    await second.exited
    expect((await readdir(second.clusterDir)).includes('postmaster.pid')).toBe(true)

    // A process that starts the server, writes through it and is killed without a chance to stop it.
    const orphaned = await startInKilledProcess(dataDir, "INSERT INTO note VALUES ('by the orphan')")
    expect(isAlive(orphaned)).toBe(true)

    const steps: string[] = []
    const last = await startEmbeddedPostgres({ dataDir, onStep: (step) => steps.push(step) })
    expect(isAlive(orphaned)).toBe(false)
    expect(steps).toContainEqual(expect.stringContaining('left running'))
    expect(await query(last, 'SELECT body FROM note ORDER BY body')).toEqual([
      { body: 'before the kill' },
      { body: 'before the stop' },
      { body: 'by the orphan' },
    ])
    await last.stop()
  })

  it('is one per data folder: a second start names the process that holds it and leaves the first one running', async () => {
    const dataDir = join(root, 'one')
    const server = await startEmbeddedPostgres({ dataDir })
    try {
      await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(`already in use by process ${process.pid}`)
      await expect(startInKilledProcess(dataDir, 'SELECT 1')).rejects.toThrow(
        `already in use by process ${process.pid}`,
      )
      expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    } finally {
      await server.stop()
    }
  })

  it('is durable, checksummed, UTF8 in the C locale, and reachable only by password over 127.0.0.1', async () => {
    const dataDir = join(root, 'settings')
    const server = await startEmbeddedPostgres({ dataDir })
    try {
      const names = ['fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums', 'max_connections']
      names.push('shared_buffers', 'listen_addresses', 'unix_socket_directories', 'server_encoding', 'lc_collate')
      const rows = await query<{ name: string; value: string }>(
        server,
        `SELECT name, current_setting(name) AS value FROM unnest('{${names.filter((name) => name !== 'lc_collate').join(',')}}'::text[]) AS name`,
      )
      expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual({
        fsync: 'on',
        full_page_writes: 'on',
        synchronous_commit: 'on',
        data_checksums: 'on',
        max_connections: '100',
        shared_buffers: '128MB',
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        server_encoding: 'UTF8',
      })
      expect(await query(server, 'SELECT datcollate FROM pg_database')).toEqual(Array(3).fill({ datcollate: 'C' }))
      expect(await query(server, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')).toEqual([
        { auth_method: 'scram-sha-256' },
      ])
      expect((await stat(join(dataDir, 'superuser-password'))).mode & 0o777).toBe(0o600)
      await expect(query({ ...server, superuserPassword: 'guess' }, 'SELECT 1')).rejects.toThrow('password')
      expect(server.version).toMatch(/^18\./)
    } finally {
      await server.stop()
    }
  })

  it('says which port is taken and lets the folder go', async () => {
    const dataDir = join(root, 'port')
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    await expect(startEmbeddedPostgres({ dataDir, port })).rejects.toThrow(`Port ${port} on 127.0.0.1 can't be used`)
    taken.close()
    await once(taken, 'close')
    const server = await startEmbeddedPostgres({ dataDir, port })
    expect(server.port).toBe(port)
    await server.stop()
  })
})

describe.runIf(asRoot)('started by root', () => {
  it('runs as the account that owns the cluster, and that account cannot read the password', async () => {
    const dataDir = join(root, 'account')
    const server = await startEmbeddedPostgres({ dataDir })
    try {
      const status = await readFile(`/proc/${server.serverPid}/status`, 'utf8')
      const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1])
      expect(uid).not.toBe(0)
      expect((await stat(server.clusterDir)).uid).toBe(uid)
      expect((await stat(join(dataDir, 'superuser-password'))).uid).toBe(0)
    } finally {
      await server.stop()
    }
  })

  it('copies the programs, links included, out of a home that the account cannot enter, and only once', async () => {
    const home = join(root, 'home')
    await mkdir(home, { mode: 0o700 })
    const source = join(home, 'native')
    await cp(packagedBinaries(), source, {
      recursive: true,
      verbatimSymlinks: true,
      filter: async (path) => !(await lstat(path)).isSymbolicLink(),
    })
    const account = await chooseServerAccount(undefined)
    const steps: string[] = []
    const place = { source, cacheRoots: [root] }
    const copied = await usableBinaries(account, (step) => steps.push(step), place)
    expect(await usableBinaries(account, (step) => steps.push(step), place)).toMatchObject({ folder: copied.folder })
    expect(steps).toHaveLength(1)
    const { stdout } = await promisify(execFile)(copied.program('initdb'), ['--version'], { cwd: '/', ...account })
    expect(stdout).toContain('18.')

    await rm(join(copied.folder, 'share/postgresql/postgres.bki'))
    await usableBinaries(account, (step) => steps.push(step), place)
    expect(steps).toHaveLength(2)

    await chmod(copied.folder, 0o777)
    await expect(usableBinaries(account, () => undefined, place)).rejects.toThrow('only this user can write')
  })

  it('puts the cluster where the account can reach it when a folder above the data folder is closed', async () => {
    const closed = join(root, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const account = await chooseServerAccount(undefined)
    const opened = await openDataDir(join(closed, 'db'))
    const placed = await placeCluster(opened, account, [join(root, 'fallback')])
    expect(placed.clusterHome.startsWith(join(root, 'fallback'))).toBe(true)
    expect(placed.passwordFile).toBe(join(closed, 'db', 'superuser-password'))
    expect(await openDataDir(join(closed, 'db'))).toEqual(placed)

    const server = await startEmbeddedPostgres({ dataDir: join(closed, 'db') })
    expect(server.clusterDir).toBe(placed.cluster)
    await server.stop()
  })
})

/** @returns the pid of the server that the killed process leaves behind. */
async function startInKilledProcess(dataDir: string, sql: string): Promise<number> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL('./start-embedded-postgres.ts', import.meta.url).href)}
    import pg from 'pg'
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    const { host, port, superuser: user, superuserPassword: password } = server
    const client = new pg.Client({ host, port, user, password, database: 'postgres' })
    await client.connect()
    await client.query(${JSON.stringify(sql)})
    process.stdout.write(String(server.serverPid))
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('.', import.meta.url),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  let errors = ''
  child.stderr.on('data', (text) => (errors += String(text)))
  const pid = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(Number(String(text))))
    child.once('close', () => reject(new Error(errors)))
  })
  child.kill('SIGKILL')
  await closed
  return pid
}
