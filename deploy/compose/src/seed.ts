import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { demoWorld, seedDemo, storeUrls, type Tenants, writeCredentials } from '@countersign/standalone'
import type { Setup } from './setup.ts'

export type SeedOptions = {
  readonly setup: Setup
  readonly baseUrl: string
  readonly issuer: string
  readonly slackUrl: string
  /** Folder for settings that services cannot know before the tenant has an id. */
  readonly seeded: string
  /** Folder for what the command line needs. */
  readonly credentials: string
}

/** Settings of services that hold the id of a tenant, which is random, by service. */
export const seededSettings = (tenants: Pick<Tenants, 'default'>) => ({
  intake: { OPERATORS_TENANT: tenants.default },
  notifier: {
    OPERATORS_TENANT: tenants.default,
    SLACK_CHANNELS: `${tenants.default}=${demoWorld.slackChannel.id}`,
  },
})

const write = (file: string, settings: Readonly<Record<string, string>>): void => {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(`${file}.new`, lines.join(''))
  renameSync(`${file}.new`, file)
}

/** Seeds the demo's registers and writes down what services and command line have to know of them. Safe to repeat. */
export const seed = async (options: SeedOptions): Promise<Tenants> => {
  const { setup, baseUrl, issuer, slackUrl, seeded, credentials } = options
  const tenants = await seedDemo(storeUrls(setup.superuserUrl, setup.secrets), issuer)
  const settings = seededSettings(tenants)
  for (const [service, lines] of Object.entries(settings)) write(join(seeded, `${service}.env`), lines)
  const { superuserUrl, secrets } = setup
  writeCredentials(
    { secrets, credentialsFile: join(credentials, 'credentials.json') },
    { baseUrl, issuer, slackUrl, tenantId: tenants.default, superuserUrl },
  )
  return tenants
}
