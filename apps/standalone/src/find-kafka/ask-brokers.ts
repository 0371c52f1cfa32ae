import { topics } from '@countersign/contracts'
import { type BusConfig, busSettings, type Environment, kafkaAccess, readConfig } from '@countersign/service-kit'
import kafkajs from 'kafkajs'
import { Type } from 'typebox'

/** What a service finds when it looks at its brokers as its own principal. */
export type Brokers = { readonly clusterId: string; readonly hasTopics: boolean }

const startOne = 'npm run kafka starts one, in another terminal; npm run services -- --with-kafka starts both'

const said = (error: unknown, config: BusConfig): Error => {
  const { name, message } = error as Error
  const place = config.KAFKA_BROKERS.join(', ')
  const refused = name.includes('SASL') || /SASL|authentication/i.test(message)
  if (refused) return new Error(`Kafka at ${place} refuses the principal ${config.KAFKA_USERNAME ?? '(none)'}`)
  return new Error(`no Kafka answers at ${place}; ${startOne}`)
}

/** Asks the brokers as a service with these settings would. @throws when none answers or the principal is refused */
export const askBrokers = async (environment: Environment): Promise<Brokers> => {
  const config = readConfig(Type.Object(busSettings), environment) as BusConfig
  const { brokers, ...access } = kafkaAccess(config)
  const admin = new kafkajs.Kafka({
    ...access,
    brokers: [...brokers],
    clientId: 'countersign-start',
    connectionTimeout: 3_000,
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 500 },
    logLevel: kafkajs.logLevel.NOTHING,
  } as kafkajs.KafkaConfig).admin()
  try {
    await admin.connect()
    const { clusterId } = await admin.describeCluster()
    const hasTopics = await admin.fetchTopicMetadata({ topics: [topics.events] }).then(
      () => true,
      () => false,
    )
    return { clusterId, hasTopics }
  } catch (error) {
    throw said(error, config)
  } finally {
    await admin.disconnect()
  }
}
