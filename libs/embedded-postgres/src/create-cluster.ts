import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import type { DataDir } from './data-dir.ts'
import type { ServerAccount } from './server-account.ts'
import { serverEnvironment, SUPERUSER } from './server-settings.ts'

/** Runs initdb in a draft folder and renames it, so that a cluster is either absent or complete. */
export async function createCluster(
  dir: DataDir,
  { binaries, account, password }: { binaries: Binaries; account: ServerAccount; password: string },
): Promise<void> {
  for (const name of await readdir(dir.clusterHome)) {
    if (name.startsWith('cluster-draft')) await rm(join(dir.clusterHome, name), { recursive: true, force: true })
  }
  const draft = join(dir.clusterHome, 'cluster-draft')
  const passwordFile = join(dir.clusterHome, 'cluster-draft-password')
  await mkdir(draft, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' })
  if (account) {
    await chown(draft, account.uid, account.gid)
    await chown(passwordFile, account.uid, account.gid)
  }
  await chmod(draft, 0o700)
  try {
    await runInitdb(binaries, account, [
      `--pgdata=${draft}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--data-checksums',
    ])
    await rename(draft, dir.cluster)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function runInitdb(binaries: Binaries, account: ServerAccount, args: string[]): Promise<void> {
  const child = spawn(binaries.program('initdb'), args, {
    cwd: binaries.folder,
    env: serverEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    ...account,
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (code !== 0) throw new Error(`initdb failed with exit code ${code}: ${errors.trim()}`)
}
