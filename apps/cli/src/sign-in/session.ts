import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** A person's sign-in, as `countersign login` keeps it. */
export type Session = {
  readonly baseUrl: string
  readonly issuer: string
  readonly token: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Where the sign-in is kept: `$XDG_CONFIG_HOME/countersign/session.json`. */
export const sessionFile = (env: Readonly<Record<string, string | undefined>>): string => {
  const base = env['XDG_CONFIG_HOME'] ?? ''
  return join(base === '' ? join(homedir(), '.config') : base, 'countersign', 'session.json')
}

/** The kept sign-in; undefined when there is none or it cannot be read. */
export const readSession = async (path: string): Promise<Session | undefined> => {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Partial<Session>
    const { baseUrl, issuer, token, expiresAt } = value
    if (typeof baseUrl !== 'string' || typeof issuer !== 'string') return undefined
    return typeof token === 'string' && typeof expiresAt === 'number'
      ? { baseUrl, issuer, token, expiresAt }
      : undefined
  } catch {
    return undefined
  }
}

/** Keeps a sign-in, whole or not at all, readable by its owner only. */
export const writeSession = async (path: string, session: Session): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const fresh = `${path}.new`
  await writeFile(fresh, `${JSON.stringify(session, null, 2)}\n`, { mode: 0o600 })
  await chmod(fresh, 0o600)
  await rename(fresh, path)
}
