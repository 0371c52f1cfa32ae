import { renameSync, writeFileSync } from 'node:fs'
import { demoPeople, demoWorld } from './demo-world.ts'
import type { Secrets } from './open-data-dir/open-data-dir.ts'

/** How the Kafka of an instance is reached, and as whom. */
export type KafkaCredentials = {
  readonly brokers: readonly string[]
  readonly clusterId: string
  /** Settings of services that say how, such as KAFKA_TLS. */
  readonly settings: Readonly<Record<string, string>>
  /** Passwords by principal; empty without principals. */
  readonly users: Readonly<Record<string, string>>
}

export type Addresses = {
  readonly baseUrl: string
  readonly issuer: string
  readonly slackUrl: string
  readonly tenantId: string
  readonly superuserUrl: string
  /** Absent on the embedded bus. */
  readonly kafka?: KafkaCredentials
  /** Where executors show certificates, and whom they have to trust there. */
  readonly mutualTls?: { readonly url: string; readonly caFile: string | undefined }
}

/** Writes what the command line and the demo need to find and use this instance, readable by its owner only. */
export const writeCredentials = (
  dataDir: { readonly credentialsFile: string; readonly secrets: Pick<Secrets, 'clientSecrets' | 'passwords'> },
  addresses: Addresses,
): void => {
  const { clientSecrets, passwords } = dataDir.secrets
  const { superuserUrl, ...rest } = addresses
  const content = {
    ...rest,
    audience: demoWorld.audience,
    cliClientId: demoWorld.cliClientId,
    slackChannel: `#${demoWorld.slackChannel.name}`,
    agents: { [demoWorld.agent]: { clientId: demoWorld.agent, clientSecret: clientSecrets['etl-bot'] } },
    producers: { replay: { clientId: 'replay', clientSecret: clientSecrets.replay } },
    people: Object.fromEntries(
      demoPeople.map((sub) => [
        sub,
        {
          username: sub,
          password: passwords[sub],
          slackUser: demoWorld.people[sub].slackUser,
          name: demoWorld.people[sub].name,
        },
      ]),
    ),
    store: { superuserUrl },
  }
  writeFileSync(`${dataDir.credentialsFile}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${dataDir.credentialsFile}.new`, dataDir.credentialsFile)
}
