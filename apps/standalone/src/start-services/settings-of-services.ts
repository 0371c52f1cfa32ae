import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '@countersign/service-kit'
import { demoWorld } from '../demo-world.ts'
import type { DataDir, Role } from '../open-data-dir/open-data-dir.ts'
import type { StoreUrls } from '../prepare-store/prepare-store.ts'

/** The services and the relay, by the name of their app. */
export const serviceNames = ['intake', 'policy', 'notifier', 'ledger', 'lineage-projector', 'relay'] as const
export type ServiceName = (typeof serviceNames)[number]

/** The database role of a service, which is its name on Kafka too. */
export const roleOf = (service: ServiceName): Role => (service === 'lineage-projector' ? 'lineage' : service)

export type SettingsOptions = {
  readonly dataDir: DataDir
  readonly urls: StoreUrls
  readonly baseUrl: string
  readonly issuer: string
  readonly slackApiUrl: string
  readonly tenants: { readonly default: string }
  readonly policyFolder: string
  /** Intake's, where it takes client certificates. */
  readonly certificates?: Environment
}

/** What every service is told, the same whether it runs in this process or in one of its own. */
export const settingsOfServices = (options: SettingsOptions): Readonly<Record<ServiceName, Environment>> => {
  const { dataDir, urls, baseUrl, issuer } = options
  const marks = join(dataDir.path, 'published')
  mkdirSync(marks, { recursive: true, mode: 0o700 })
  const identity = {
    OIDC_ISSUER: issuer,
    OIDC_AUDIENCE: demoWorld.audience,
    OIDC_ISSUERS_FILE: dataDir.issuersFile,
  }
  const macKey = { BUS_MAC_KEY: dataDir.secrets.busMacKey }
  const sealing = { DEPLOYMENT_KEY_FILE: dataDir.deploymentKeyFile }
  const mark = { STORE_MARK_DIR: marks, STORE_MARK_KEY_FILE: dataDir.storeMarkKeyFile }
  const database = (service: ServiceName) => ({ DATABASE_URL: urls.of(roleOf(service)) })
  return {
    intake: {
      ...database('intake'),
      ...mark,
      PUBLIC_URL: baseUrl,
      OPERATORS_TENANT: options.tenants.default,
      PEOPLE_CLIENTS: `${demoWorld.cliClientId},${demoWorld.pagesClientId}`,
      GRANT_KEY_FILE: dataDir.grantKeyFile,
      GRANT_VERIFY_KEYS_FILE: dataDir.grantVerifyKeysFile,
      FREEZE_CREDENTIAL_FILE: dataDir.freezeCredentialFile,
      ...options.certificates,
      ...identity,
      ...sealing,
    },
    policy: {
      ...database('policy'),
      ...mark,
      POLICY_FOLDER: options.policyFolder,
      ...identity,
      ...sealing,
      ...macKey,
    },
    notifier: {
      ...database('notifier'),
      ...mark,
      PUBLIC_URL: baseUrl,
      OPERATORS_TENANT: options.tenants.default,
      OIDC_PAGES_CLIENT_ID: demoWorld.pagesClientId,
      SLACK_API_URL: options.slackApiUrl,
      SLACK_SIGNING_SECRET: dataDir.secrets.slackSigningSecret,
      SLACK_BOT_TOKEN: dataDir.secrets.slackBotToken,
      SLACK_CHANNELS: `${options.tenants.default}=${demoWorld.slackChannel.id}`,
      ...identity,
      ...sealing,
      ...macKey,
    },
    ledger: {
      ...database('ledger'),
      CHECKPOINT_KEY_FILE: dataDir.logKeyFile,
      PUBLISHED_MARK_DIR: marks,
      ...identity,
    },
    'lineage-projector': { ...database('lineage-projector'), ...identity, ...macKey },
    relay: { ...database('relay'), ...mark, ...macKey },
  }
}
