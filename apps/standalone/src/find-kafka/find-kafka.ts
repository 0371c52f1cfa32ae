import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stopIdleSpin } from '@countersign/bus'
import { localBroker, missingPrograms, prepareBroker } from '@countersign/kafka'
import type { Environment } from '@countersign/service-kit'
import { demoWorld } from '../demo-world.ts'
import type { Starting } from '../run-instance.ts'
import { roleOf, serviceNames, type ServiceName } from '../start-services/settings-of-services.ts'
import type { KafkaCredentials } from '../write-credentials.ts'
import { type Brokers, askBrokers } from './ask-brokers.ts'

/** A Kafka that answers, and what each service is told about it. */
export type Kafka = {
  readonly credentials: KafkaCredentials
  /** Settings of a service's bus, its own principal among them. */
  readonly settingsOf: (service: ServiceName) => Environment
}

/** Producers of the demo and of the replay, whose topics there have to be. */
export const demoProducers = [demoWorld.producer, demoWorld.replayTenant]

const passedOn = ['KAFKA_SASL_MECHANISM', 'KAFKA_TLS', 'KAFKA_CA_FILE'] as const

/** Names and passwords in a file as `npm run kafka` writes it. */
const readPasswords = async (file: string): Promise<Record<string, string>> => {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the passwords of Kafka's principals in ${file} cannot be read (${error.code})`)
  })
  try {
    const { passwords } = JSON.parse(text) as { readonly passwords?: Record<string, string> }
    if (typeof passwords === 'object') return passwords
  } catch {
    // Said below; the text may hold secrets.
  }
  throw new Error(`${file} holds no passwords by principal: {"passwords":{"intake":"…"}}`)
}

type Place = {
  readonly brokers: readonly string[]
  readonly passwords: Readonly<Record<string, string>> | undefined
  readonly settings: Readonly<Record<string, string>>
}

const settingsOf = ({ brokers, passwords, settings }: Place, service: ServiceName): Environment => {
  const principal = roleOf(service)
  const base = { BUS: 'kafka', KAFKA_BROKERS: brokers.join(','), ...settings }
  if (passwords === undefined) return base
  const password = passwords[principal]
  if (password === undefined) throw new Error(`there is no password for Kafka's principal ${principal}`)
  return { ...base, KAFKA_USERNAME: principal, KAFKA_PASSWORD: password }
}

/** Where brokers are kept in a data folder. */
export const brokerFolder = (dataDir: string): string => join(dataDir, 'kafka')

const localPlace = async (dataDir: string): Promise<Place | undefined> => {
  const local = await localBroker(brokerFolder(dataDir))
  if (local === undefined) return undefined
  return { brokers: local.brokers, passwords: await readPasswords(local.secretsFile), settings: {} }
}

/** Whether the broker of the data folder runs; whoever else has its port does not know its principals. */
export const isBrokerRunning = async (dataDir: string): Promise<boolean> => {
  const local = await localPlace(dataDir)
  if (local === undefined) return false
  return askBrokers(settingsOf(local, 'relay')).then(
    () => true,
    () => false,
  )
}

/** The brokers that the environment names, or those that ran last in the data folder. */
const placeOf = async (env: Environment, dataDir: string): Promise<Place> => {
  const named = env['KAFKA_BROKERS']
  if (named) {
    const settings = Object.fromEntries(passedOn.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
    const file = env['KAFKA_SECRETS_FILE']
    return { brokers: named.split(','), passwords: file ? await readPasswords(file) : undefined, settings }
  }
  const local = await localPlace(dataDir)
  if (local !== undefined) return local
  const missing = await missingPrograms()
  const how =
    missing.length === 0
      ? 'npm run kafka starts one, in another terminal; npm run services -- --with-kafka starts both'
      : `KAFKA_BROKERS names one of yours. To run one here: ${missing.join('; ')}`
  throw new Error(`there is no Kafka: KAFKA_BROKERS is not set, and none was started in this data folder. ${how}`)
}

/** Asks until every topic is there; on brokers without principals they are made. */
const reach = async (place: Place): Promise<Brokers> => {
  const asRelay = settingsOf(place, 'relay')
  const found = await askBrokers(asRelay)
  for (const service of serviceNames) settingsOf(place, service)
  if (place.passwords === undefined) {
    await prepareBroker({ brokers: place.brokers, producers: demoProducers })
    return found
  }
  if (!found.hasTopics) {
    throw new Error(
      `Kafka at ${place.brokers.join(', ')} has no topics for Countersign yet; docs/how-to/run-on-kafka.md says which it needs`,
    )
  }
  return found
}

/** The Kafka to run on, once it answers. @throws with what is missing */
export const findKafka = async (env: Environment, { dataDir, print }: Starting): Promise<Kafka> => {
  stopIdleSpin()
  const place = await placeOf(env, dataDir.path)
  const { clusterId } = await print.step(
    'reach Kafka',
    () => reach(place),
    () => `${place.brokers.join(', ')}, ${place.passwords === undefined ? 'no principals' : 'a principal for each'}`,
  )
  if (place.passwords === undefined) {
    print.line(
      `          ${print.paint('yellow', 'unsafe')}: these brokers know no principals, so whoever reaches them may write and read everything`,
    )
  }
  const known = ['admin', ...demoProducers].flatMap((name) => {
    const password = place.passwords?.[name]
    return password === undefined ? [] : [[name, password]]
  })
  return {
    credentials: {
      brokers: place.brokers,
      clusterId,
      settings: place.settings,
      users: Object.fromEntries(known) as Record<string, string>,
    },
    settingsOf: (service) => settingsOf(place, service),
  }
}
