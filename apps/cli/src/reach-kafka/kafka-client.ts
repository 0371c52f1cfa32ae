import { readFile } from 'node:fs/promises'
import { stopIdleSpin } from '@countersign/bus'
import kafkajs, { type Kafka, type KafkaConfig } from 'kafkajs'
import { Failure } from '../exit-codes.ts'
import type { Credentials } from '../find-deployment/credentials.ts'

export type KafkaCredentials = NonNullable<Credentials['kafka']>

/** The Kafka of an instance. @throws Failure when it is on another bus */
export const kafkaOf = ({ kafka }: Credentials): KafkaCredentials => {
  if (kafka !== undefined) return kafka
  throw new Failure('the instance here is not on Kafka', {
    next: 'Stop it and start npm run services, or name the data folder of another instance with --data-dir.',
  })
}

const trust = async (settings: KafkaCredentials['settings']): Promise<Pick<KafkaConfig, 'ssl'>> => {
  const { KAFKA_TLS: tls, KAFKA_CA_FILE: caFile } = settings
  if (tls !== 'on') return {}
  return { ssl: caFile === undefined ? true : { ca: [await readFile(caFile, 'utf8')] } }
}

/** A client of the instance's brokers as one of its principals; anonymous where the brokers know none. */
export const kafkaClient = async (kafka: KafkaCredentials, principal: string): Promise<Kafka> => {
  stopIdleSpin()
  const { brokers, settings, users } = kafka
  const password = users[principal]
  if (password === undefined && Object.keys(users).length > 0) {
    throw new Failure(`there is no password for Kafka's principal ${principal}`, {
      next: `npm run kafka -- --producers ${principal} makes one.`,
    })
  }
  const mechanism = settings['KAFKA_SASL_MECHANISM'] ?? 'scram-sha-512'
  return new kafkajs.Kafka({
    clientId: `countersign-cli-${principal}`,
    brokers: [...brokers],
    ...(await trust(settings)),
    ...(password === undefined
      ? {}
      : { sasl: { mechanism, username: principal, password } as NonNullable<KafkaConfig['sasl']> }),
    connectionTimeout: 3_000,
    // Always given: kafkajs takes others when NODE_ENV is `test`.
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: kafkajs.logLevel.NOTHING,
  })
}
