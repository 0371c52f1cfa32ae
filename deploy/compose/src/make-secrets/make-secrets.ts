import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkProducers, openAuthority, openSecrets, principalsOf, readerNames } from '@countersign/kafka'
import { openDataDir, secretFile } from '@countersign/standalone'
import { type Made, type Places, secretFiles } from './secret-files.ts'

export type MakeSecretsOptions = Places & {
  /** A folder each below it: `made` with everything, and one for whoever gets some of it. */
  readonly folder: string
  /** User and group that everything but PostgreSQL's runs as; without it, files stay ours. */
  readonly owner?: number
  /** Further folders that the owner has to be able to write. */
  readonly own: readonly string[]
}

/** What one run did: files written and files that were as they should be. */
export type MadeSecrets = {
  readonly written: readonly string[]
  readonly kept: number
  /** The credential that freezes without a sign-in, in the run that made it; only its hash is kept. */
  readonly freezeCredential?: string
}

const text = (file: string): string => readFileSync(file, 'utf8')

const make = async (folder: string, producers: readonly string[]): Promise<Made> => {
  const { secrets, ...paths } = openDataDir(folder)
  const kafka = await openSecrets(join(folder, 'kafka.json'), ['broker', 'admin', ...principalsOf(producers)])
  const authority = await openAuthority(join(folder, 'tls'))
  const certificates = new Map<string, { cert: string; key: string }>()
  for (const name of [...readerNames, ...producers]) {
    const { certFile, keyFile } = await authority.issue(name)
    certificates.set(name, { cert: text(certFile), key: text(keyFile) })
  }
  return {
    secrets,
    superuserPassword: secretFile(join(folder, 'superuser-password'), () => randomBytes(24).toString('base64url')),
    keys: {
      deployment: text(paths.deploymentKeyFile),
      grant: text(paths.grantKeyFile),
      grantVerify: text(paths.grantVerifyKeysFile),
      log: text(paths.logKeyFile),
      storeMark: text(paths.storeMarkKeyFile),
      freezeCredentialHash: text(paths.freezeCredentialFile),
    },
    ...(paths.freezeCredential === undefined ? {} : { freezeCredential: paths.freezeCredential }),
    issuers: text(paths.issuersFile),
    kafka,
    brokerPem: text(await authority.brokerPem()),
    ca: text(authority.caFile),
    certificates,
  }
}

const isAsItShouldBe = (path: string, content: string): boolean => {
  try {
    return text(path) === content
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
}

/** Written whole or not at all. */
const write = (path: string, content: string, owner: number | undefined): void => {
  const draft = `${path}.new`
  writeFileSync(draft, content, { mode: 0o400 })
  if (owner !== undefined) chownSync(draft, owner, owner)
  renameSync(draft, path)
}

/** PostgreSQL's own start reads its password as root. */
const ownerOf = (consumer: string, owner: number | undefined): number | undefined =>
  consumer === 'postgres' ? undefined : owner

/**
 * Generates what is missing of a deployment's keys, passwords and certificates, and gives everybody their own files, which
 * only they can read. What is there stays; safe to repeat and to interrupt.
 */
export const makeSecrets = async (options: MakeSecretsOptions): Promise<MadeSecrets> => {
  const { folder, owner, own, producers } = options
  checkProducers(producers)
  const made = await make(join(folder, 'made'), producers)
  const written: string[] = []
  let kept = 0
  for (const [consumer, files] of Object.entries(secretFiles(made, options))) {
    const home = join(folder, consumer)
    mkdirSync(home, { recursive: true, mode: 0o700 })
    for (const [name, content] of Object.entries(files)) {
      const path = join(home, name)
      if (isAsItShouldBe(path, content)) kept += 1
      else {
        write(path, content, ownerOf(consumer, owner))
        written.push(`${consumer}/${name}`)
      }
    }
    handOver(home, ownerOf(consumer, owner))
  }
  for (const path of own) handOver(path, owner)
  const { freezeCredential } = made
  return { written, kept, ...(freezeCredential === undefined ? {} : { freezeCredential }) }
}

const handOver = (folder: string, owner: number | undefined): void => {
  chmodSync(folder, 0o700)
  if (owner !== undefined) chownSync(folder, owner, owner)
}
