import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, chown, lstat, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { canEnter, type ServerAccount } from './server-account.ts'

/** Files of a data folder. `clusterHome` is where the cluster lives: the data folder, unless `cluster-location` says so. */
export type DataDir = {
  readonly folder: string
  readonly clusterHome: string
  readonly cluster: string
  readonly ownerFile: string
  readonly passwordFile: string
  readonly log: string
}

/** Where clusters go whose data folder the server's account can't reach: kept over restarts, not swept by cleaners. */
export const FALLBACK_ROOTS: readonly string[] = ['/var/lib/countersign', '/var/tmp/countersign']

/** Creates the folder if needed and finds where its cluster is; a cluster that is not there yet goes into the folder. */
export async function openDataDir(dataDir: string): Promise<DataDir> {
  const folder = resolve(dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const location = await readFile(join(folder, 'cluster-location'), 'utf8').catch(() => undefined)
  return at(folder, location?.trim() ?? folder)
}

/**
 * Makes the home of a new cluster enterable for the account. Ours to open is only the data folder itself (for the
 * account's group, execute bit only). When a folder above it is closed, the cluster goes to a fallback root under a
 * random name, which `cluster-location` in the data folder keeps.
 */
export async function placeCluster(
  dir: DataDir,
  account: ServerAccount,
  fallbackRoots: readonly string[] = FALLBACK_ROOTS,
): Promise<DataDir> {
  if (!account) return dir
  if (await canEnter(dir.clusterHome, account)) return dir
  if (await canEnter(join(dir.folder, '..'), account)) {
    await chown(dir.folder, -1, account.gid)
    await chmod(dir.folder, (await stat(dir.folder)).mode | 0o010)
    return dir
  }
  for (const root of fallbackRoots) {
    try {
      await mkdir(root, { recursive: true, mode: 0o755 })
      // The root's name is predictable; a folder of somebody else could be swapped under us.
      if ((await lstat(root)).uid !== process.getuid?.() || !(await canEnter(root, account))) continue
      const home = join(root, randomUUID())
      await mkdir(home, { mode: 0o711 })
      await chmod(home, 0o711)
      await writeDurably(join(dir.folder, 'cluster-location'), `${home}\n`)
      return at(dir.folder, home)
    } catch (error) {
      if (!['EACCES', 'EROFS', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  throw new Error(
    `The server's account (uid ${account.uid}) can't reach ${dir.folder} and there is no place for the cluster in ${fallbackRoots.join(' or ')}: choose another data folder`,
  )
}

/** The superuser's password: 256 random bits, made once, readable only by the owner of the data folder. */
export async function superuserPassword(dir: DataDir, clusterExists: boolean): Promise<string> {
  const kept = await readFile(dir.passwordFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (kept !== undefined) return kept.trim()
  if (clusterExists) throw new Error(`${dir.passwordFile} is missing: the cluster in ${dir.cluster} can't be opened`)
  const password = randomBytes(32).toString('base64url')
  await writeDurably(dir.passwordFile, `${password}\n`)
  return password
}

function at(folder: string, clusterHome: string): DataDir {
  return {
    folder,
    clusterHome,
    cluster: join(clusterHome, 'cluster'),
    ownerFile: join(folder, 'owner'),
    passwordFile: join(folder, 'superuser-password'),
    log: join(folder, 'postgres.log'),
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}
