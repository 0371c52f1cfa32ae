import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { newFreezeCredential } from '@countersign/identity'
import { secretFile } from './secret-file.ts'

export const roles = ['owner', 'intake', 'policy', 'notifier', 'ledger', 'lineage', 'relay'] as const
export type Role = (typeof roles)[number]

/** What a deployment keeps to itself. Generated at the first start, then read; nobody types or copies any of it. */
export type Secrets = {
  readonly rolePasswords: Record<Role, string>
  readonly busMacKey: string
  readonly slackSigningSecret: string
  readonly slackBotToken: string
  readonly clientSecrets: { readonly 'etl-bot': string; readonly replay: string }
  readonly passwords: { readonly dana: string; readonly ben: string }
}

export type DataDir = {
  readonly path: string
  readonly postgres: string
  readonly deploymentKeyFile: string
  readonly grantKeyFile: string
  /** JWKS of public keys that verify grants beside the one that signs. */
  readonly grantVerifyKeysFile: string
  readonly logKeyFile: string
  readonly storeMarkKeyFile: string
  /** SHA-256 of the freeze credential, or that it was withdrawn. */
  readonly freezeCredentialFile: string
  /** The credential itself, only where this opening made it: it is kept nowhere. */
  readonly freezeCredential?: string
  readonly identityProviderKeyFile: string
  readonly credentialsFile: string
  /** Further issuers, as `countersign idp connect` writes them; services follow the file, so it has to be there. */
  readonly issuersFile: string
  readonly secrets: Secrets
}

const word = (bytes = 24): string => randomBytes(bytes).toString('base64url')
const ed25519Pem = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

const makeSecrets = (): Secrets => ({
  rolePasswords: Object.fromEntries(roles.map((role) => [role, word()])) as Record<Role, string>,
  busMacKey: word(32),
  slackSigningSecret: randomBytes(16).toString('hex'),
  slackBotToken: `xoxb-loopback-${word(12)}`,
  clientSecrets: { 'etl-bot': word(), replay: word() },
  passwords: { dana: word(9), ben: word(9) },
})

/** Opens or creates the folder in which everything lives: the database, the keys and the generated secrets. */
export const openDataDir = (folder: string): DataDir => {
  const path = resolve(folder)
  mkdirSync(join(path, 'keys'), { recursive: true, mode: 0o700 })
  chmodSync(join(path, 'keys'), 0o700)
  const key = (name: string, make: () => string): string => {
    const file = join(path, 'keys', name)
    secretFile(file, make)
    return file
  }
  const issuersFile = join(path, 'issuers.json')
  if (!existsSync(issuersFile)) writeFileSync(issuersFile, '{"issuers": []}\n', { mode: 0o600 })
  let freezeCredential: string | undefined
  const freezeCredentialFile = key('freeze-credential.sha256', () => {
    const made = newFreezeCredential()
    freezeCredential = made.credential
    return made.hashFile
  })
  return {
    path,
    postgres: join(path, 'postgres'),
    deploymentKeyFile: key('deployment.key', () => word(32)),
    grantKeyFile: key('grant.pem', ed25519Pem),
    grantVerifyKeysFile: key('grant-keys.json', () => '{"keys":[]}\n'),
    logKeyFile: key('log.pem', ed25519Pem),
    storeMarkKeyFile: key('store-mark.key', () => word(32)),
    freezeCredentialFile,
    ...(freezeCredential === undefined ? {} : { freezeCredential }),
    identityProviderKeyFile: join(path, 'keys', 'identity-provider.json'),
    credentialsFile: join(path, 'credentials.json'),
    issuersFile,
    secrets: JSON.parse(
      secretFile(join(path, 'keys', 'secrets.json'), () => JSON.stringify(makeSecrets(), null, 2)),
    ) as Secrets,
  }
}
