import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkProducers, principalsOf } from './access-table.ts'
import { type BrokerProcess, startBrokerProcess } from './broker-process.ts'
import { openSecrets, writeSecrets } from './broker-secrets.ts'
import { openAuthority } from './certificates.ts'
import { classArchive } from './class-archive.ts'
import { formatStorage } from './format-storage.ts'
import { fetchJars } from './jars.ts'
import { secretsIn, writeListeners } from './local-broker.ts'
import { logMarkFlags } from './log-mark.ts'
import { defaultCacheDir } from './places.ts'
import { addUsers, prepareBroker } from './prepare-broker.ts'
import { type BrokerPorts, defaultPorts, serverProperties } from './server-properties.ts'

export interface StartBrokerOptions {
  /** Everything of the broker is kept below it. */
  readonly dataDir: string
  /** Where the jars are kept; default: `defaultCacheDir()`. */
  readonly cacheDir?: string
  readonly producers: readonly string[]
  /** Of topics that are created; default 1. */
  readonly partitions?: number
  readonly ports?: BrokerPorts
  readonly log: (line: string) => void
}

/** A running, secured broker. */
export interface SecuredBroker {
  readonly ports: BrokerPorts
  /** Names and passwords, 0600. */
  readonly secretsFile: string
  /** `ca.crt`, and per principal `<name>.crt` and `<name>.key`. */
  readonly certificatesDir: string
  readonly exited: Promise<string>
  /** Ends it in order; data, secrets and certificates stay. */
  stop(): Promise<void>
  /** Ends it at once, as if the machine had lost it. */
  kill(): Promise<void>
}

/**
 * Starts Apache Kafka with SCRAM and mTLS listeners on 127.0.0.1, and with the users, topics and ACLs of a deployment
 * with these producers. The first start makes everything; later ones keep data and secrets and add what is missing.
 */
export const startBroker = async (options: StartBrokerOptions): Promise<SecuredBroker> => {
  const { producers, partitions, ports = defaultPorts, log } = options
  checkProducers(producers)
  const home = resolve(options.dataDir)
  await mkdir(home, { recursive: true, mode: 0o700 })
  const cacheDir = options.cacheDir ?? defaultCacheDir()
  const jars = await fetchJars(cacheDir, log)
  const names = principalsOf(producers)
  const [secretsFile, certificatesDir, dataDir] = [secretsIn(home), join(home, 'tls'), join(home, 'log')]
  const secrets = await openSecrets(secretsFile, ['broker', 'admin', ...names])
  const { broker: brokerPassword = '', admin: adminPassword = '' } = secrets.passwords

  const authority = await openAuthority(certificatesDir)
  for (const name of names) await authority.issue(name)
  const propertiesFile = join(home, 'server.properties')
  const brokerPem = await authority.brokerPem()
  const properties = serverProperties({ ports, dataDir, brokerPassword, brokerPem, caFile: authority.caFile })
  await writeFile(propertiesFile, properties, { mode: 0o600 })

  const accounts = Object.entries(secrets.passwords)
  const isNew = !existsSync(join(dataDir, 'meta.properties'))
  if (isNew) {
    log('formatting the data folder')
    await formatStorage({ jars, propertiesFile, clusterId: secrets.clusterId, users: new Map(accounts) })
  }
  const logFile = join(home, 'broker.log')
  const archive = classArchive(cacheDir, 'broker')
  const broker: BrokerProcess = await startBrokerProcess({
    jars,
    propertiesFile,
    logFile,
    port: ports.scram,
    flags: [...archive.flags, ...(await logMarkFlags(home, logFile))],
  })
  try {
    const users = new Map(accounts.filter(([name]) => !isNew && !secrets.created.includes(name)))
    await addUsers({ jars, port: ports.scram, adminPassword, users, folder: home })
    await writeSecrets(secretsFile, { ...secrets, created: accounts.map(([name]) => name) })
    await prepareBroker({
      brokers: [`127.0.0.1:${ports.scram}`],
      adminPassword,
      producers,
      ...(partitions === undefined ? {} : { partitions }),
    })
    await writeListeners(home, ports)
  } catch (error) {
    await broker.stop()
    throw error
  }
  const stop = async (): Promise<void> => {
    await broker.stop()
    await archive.keep()
  }
  return { ports, secretsFile, certificatesDir, exited: broker.exited, stop, kill: () => broker.kill() }
}
