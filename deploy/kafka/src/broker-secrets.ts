import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { newClusterId } from './format-storage.ts'

/** Everything that was generated for one broker; kept in one file that only its owner can read. */
export interface BrokerSecrets {
  readonly clusterId: string
  /** Passwords by name, `broker` and `admin` included. */
  readonly passwords: Readonly<Record<string, string>>
  /** Names that the broker knows; written once it does, so that an interrupted start makes up for it. */
  readonly created: readonly string[]
}

const newPassword = (): string => randomBytes(24).toString('base64url')

/** The secrets in the file, with passwords for those who have none yet. */
export const openSecrets = async (file: string, names: readonly string[]): Promise<BrokerSecrets> => {
  const known = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as BrokerSecrets,
    (error: NodeJS.ErrnoException): BrokerSecrets => {
      if (error.code !== 'ENOENT') throw error
      return { clusterId: newClusterId(), passwords: {}, created: [] }
    },
  )
  const added = names.filter((name) => known.passwords[name] === undefined)
  const fresh = Object.fromEntries(added.map((name) => [name, newPassword()]))
  const secrets = { ...known, passwords: { ...known.passwords, ...fresh } }
  await writeSecrets(file, secrets)
  return secrets
}

export const writeSecrets = async (file: string, secrets: BrokerSecrets): Promise<void> => {
  await writeFile(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
