import {
  type BrokerHosts,
  type BrokerSecrets,
  formatArguments,
  readerNames,
  serverProperties,
} from '@countersign/kafka'
import { roleOf, serviceNames, type ServiceName, type Secrets, storeUrls } from '@countersign/standalone'
import type { Setup } from '../setup.ts'

/** Everything that was generated for one deployment. */
export type Made = {
  readonly secrets: Secrets
  readonly superuserPassword: string
  /** Keys in PEM or base64url, as the services read them. */
  readonly keys: Readonly<
    Record<'deployment' | 'grant' | 'grantVerify' | 'log' | 'storeMark' | 'freezeCredentialHash', string>
  >
  /** Only in the run that made it. */
  readonly freezeCredential?: string
  /** Whose tokens are taken beside those of the issuer that is set. */
  readonly issuers: string
  readonly kafka: BrokerSecrets
  readonly brokerPem: string
  readonly ca: string
  readonly certificates: ReadonlyMap<string, { readonly cert: string; readonly key: string }>
}

/** Where things are, as seen inside of the network of docker-compose.yml. */
export type Places = {
  readonly postgres: string
  readonly broker: string
  readonly producers: readonly string[]
  /** Ports of 127.0.0.1 under which others reach the broker. */
  readonly outside: { readonly tls: number; readonly mtls: number }
}

type Files = Readonly<Record<string, string>>

/** Where each finds its own files, read-only. */
const mounted = '/run/countersign'
const kafkaData = '/var/lib/kafka/data'
const inContainer = { scram: 9_092, tls: 9_094, mtls: 9_095, controller: 9_093 } as const

const ofBroker = ({ kafka, brokerPem, ca }: Made, { broker, outside }: Places): Files => {
  const hosts: BrokerHosts = {
    listen: '',
    scram: broker,
    tls: `127.0.0.1:${outside.tls}`,
    mtls: `127.0.0.1:${outside.mtls}`,
  }
  const users = new Map(Object.entries(kafka.passwords))
  return {
    'server.properties': serverProperties({
      ports: inContainer,
      hosts,
      dataDir: kafkaData,
      brokerPassword: kafka.passwords['broker'] ?? '',
      brokerPem: `${mounted}/broker.pem`,
      caFile: `${mounted}/ca.crt`,
    }),
    'format-arguments': formatArguments({
      propertiesFile: `${mounted}/server.properties`,
      clusterId: kafka.clusterId,
      users,
    }),
    'broker.pem': brokerPem,
    'ca.crt': ca,
  }
}

const ofOutsiders = ({ kafka, ca, certificates }: Made, { producers }: Places): Files => ({
  'ca.crt': ca,
  ...Object.fromEntries(
    [...readerNames, ...producers].flatMap((name) => [
      [`${name}.password`, kafka.passwords[name] ?? ''],
      [`${name}.crt`, certificates.get(name)?.cert ?? ''],
      [`${name}.key`, certificates.get(name)?.key ?? ''],
    ]),
  ),
})

const setupOf = (made: Made, superuserUrl: string, { broker, producers }: Places): Setup => ({
  superuserUrl,
  kafka: { brokers: [broker], adminPassword: made.kafka.passwords['admin'] ?? '', producers },
  secrets: {
    rolePasswords: made.secrets.rolePasswords,
    clientSecrets: made.secrets.clientSecrets,
    passwords: made.secrets.passwords,
  },
})

/** Who gets which files with what in them. Nobody gets a key or password that only another one needs. */
export const secretFiles = (made: Made, places: Places): Readonly<Record<string, Files>> => {
  const { secrets, keys } = made
  const superuserUrl = `postgres://postgres:${made.superuserPassword}@${places.postgres}/countersign`
  const urls = storeUrls(superuserUrl, secrets)
  const connections = (service: ServiceName): Files => ({
    'database-url': urls.of(roleOf(service)),
    'kafka-password': made.kafka.passwords[roleOf(service)] ?? '',
  })
  const identity = { 'issuers.json': made.issuers }
  const sealing = { 'deployment.key': keys.deployment }
  const mark = { 'store-mark.key': keys.storeMark }
  const mac = { 'bus-mac-key': secrets.busMacKey }
  const own: Readonly<Record<ServiceName, Files>> = {
    intake: {
      ...identity,
      ...sealing,
      ...mark,
      'grant.pem': keys.grant,
      'grant-keys.json': keys.grantVerify,
      'freeze-credential.sha256': keys.freezeCredentialHash,
    },
    policy: { ...identity, ...sealing, ...mark, ...mac },
    notifier: {
      ...identity,
      ...sealing,
      ...mark,
      ...mac,
      'slack-bot-token': secrets.slackBotToken,
      'slack-signing-secret': secrets.slackSigningSecret,
    },
    ledger: { ...identity, 'log.pem': keys.log },
    'lineage-projector': { ...identity, ...mac },
    relay: { ...mark, ...mac },
  }
  const { clientSecrets, passwords, slackBotToken, slackSigningSecret } = secrets
  return {
    ...Object.fromEntries(serviceNames.map((name) => [name, { ...connections(name), ...own[name] }])),
    postgres: { 'superuser-password': made.superuserPassword },
    kafka: ofBroker(made, places),
    setup: { 'setup.json': JSON.stringify(setupOf(made, superuserUrl, places), null, 2) },
    demo: { 'demo.json': JSON.stringify({ clientSecrets, passwords, slackBotToken, slackSigningSecret }, null, 2) },
    outside: ofOutsiders(made, places),
  }
}
