import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrateBus } from '@countersign/bus'
import { startEmbeddedPostgres } from '@countersign/embedded-postgres'
import { missingPrograms, startTestBroker } from '@countersign/kafka'
import kafkajs, { type Admin } from 'kafkajs'
import pg from 'pg'

/** A broker with what the Kafka driver needs beside it. */
export type BenchBroker = {
  readonly brokers: readonly string[]
  readonly admin: Admin
  readonly kafka: kafkajs.Kafka
  /** The database in which the driver parks records. */
  readonly parkingUrl: string
  close(): Promise<void>
}

/** Why a broker with users and certificates cannot be started here; undefined when it can. */
export const whyNoSecuredBroker = async (): Promise<string | undefined> => {
  const missing = await missingPrograms()
  return missing.length === 0 ? undefined : missing.join('; ')
}

/** Why there can be no broker here; undefined when there can. `KAFKA_BROKERS` names one that runs already. */
export const whyNoBroker = async (): Promise<string | undefined> => {
  if (process.env['KAFKA_BROKERS'] !== undefined) return undefined
  // A broker for tests has no certificates.
  const missing = (await missingPrograms()).filter((sentence) => !sentence.startsWith('openssl'))
  return missing.length === 0 ? undefined : `${missing.join('; ')}; or name a broker in KAFKA_BROKERS`
}

export const openBroker = async (): Promise<BenchBroker> => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const given = process.env['KAFKA_BROKERS']?.split(',')
  const [own, server] = await Promise.all([
    given === undefined ? startTestBroker() : undefined,
    startEmbeddedPostgres({ dataDir: folder }),
  ])
  const brokers = given ?? own?.brokers ?? []
  const { host, port, superuser, superuserPassword } = server
  const parkingUrl = `postgres://${superuser}:${encodeURIComponent(superuserPassword)}@${host}:${port}/postgres`
  const client = new pg.Client({ connectionString: parkingUrl })
  await client.connect()
  await migrateBus(client)
  await client.end()
  const kafka = new kafkajs.Kafka({ clientId: 'bench', brokers: [...brokers], logLevel: kafkajs.logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  return {
    brokers,
    admin,
    kafka,
    parkingUrl,
    close: async () => {
      await admin.disconnect()
      await Promise.all([own?.stop(), server.stop()])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Partitions of every topic of the bench. */
export const partitions = 4
