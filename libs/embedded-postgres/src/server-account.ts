import { constants } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The operating-system account the server runs as; `null` means the account of this process. */
export type ServerAccount = { readonly uid: number; readonly gid: number } | null

// In this order: made for it, then accounts that every Unix has. initdb needs one with an entry in the user database.
const CANDIDATES = ['postgres', '_postgres', 'nobody', 'daemon']

/**
 * PostgreSQL refuses to run as root, so root lends it an existing unprivileged account. A cluster that exists keeps the
 * account that owns its folder.
 * @throws if this process is root and the machine has no unprivileged account.
 */
export async function chooseServerAccount(existingCluster: string | undefined): Promise<ServerAccount> {
  if (process.getuid?.() !== 0) return null
  if (existingCluster !== undefined) {
    const owner = await stat(existingCluster)
    if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  }
  const accounts = new Map<string, { uid: number; gid: number }>()
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [name, , uid, gid] = line.split(':')
    // macOS writes nobody as -2
    if (name && uid && gid) accounts.set(name, { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 })
  }
  for (const name of CANDIDATES) {
    const account = accounts.get(name)
    if (account && account.uid !== 0) return account
  }
  throw new Error(
    `PostgreSQL does not run as root and this machine has none of the accounts ${CANDIDATES.join(', ')}: start as another user`,
  )
}

/** Whether the account may enter every folder above `path` and read `path` itself (by mode bits; root passes no one). */
export async function canReach(path: string, account: ServerAccount): Promise<boolean> {
  const target = await realpath(path)
  if (!(await allows(target, account, constants.S_IROTH))) return false
  return canEnter(dirname(target), account)
}

/** Whether the account may pass through `folder` and every folder above it. */
export async function canEnter(folder: string, account: ServerAccount): Promise<boolean> {
  let current = await realpath(folder)
  for (;;) {
    if (!(await allows(current, account, constants.S_IXOTH))) return false
    const parent = dirname(current)
    if (parent === current) return true
    current = parent
  }
}

async function allows(path: string, account: ServerAccount, bit: number): Promise<boolean> {
  const uid = account?.uid ?? process.getuid?.()
  const groups = account ? [account.gid] : [process.getgid?.(), ...(process.getgroups?.() ?? [])]
  if (uid === undefined) return true
  const { mode, uid: owner, gid: group } = await stat(path)
  if (owner === uid) return (mode & (bit << 6)) !== 0
  if (groups.includes(group)) return (mode & (bit << 3)) !== 0
  return (mode & bit) !== 0
}
