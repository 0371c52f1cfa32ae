import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import { type Grant, grantsOf, type TopicPlan, topicsOf } from './access-table.ts'
import { runJava } from './run-java.ts'

export interface PrepareOptions {
  /** `host:port` of a listener without TLS. */
  readonly brokers: readonly string[]
  /** Password of the principal `admin`; without it the brokers know no principals, and nobody is allowed anything. */
  readonly adminPassword?: string
  readonly producers: readonly string[]
  /** Of the topics that are created now; default 1. Those that are there keep theirs. */
  readonly partitions?: number
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs

const aclOf = ({ principal, topic, group, operation }: Grant) => ({
  resourceType: group === undefined ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
  resourceName: group ?? topic?.replace(/\*$/, '') ?? '',
  resourcePatternType:
    group !== undefined || topic?.endsWith('*') ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  principal: `User:${principal}`,
  host: '*',
  operation: operation === 'read' ? AclOperationTypes.READ : AclOperationTypes.WRITE,
  permissionType: AclPermissionTypes.ALLOW,
})

const createMissingTopics = async (admin: Admin, wanted: readonly TopicPlan[], isOurs: boolean): Promise<void> => {
  const there = new Set(await admin.listTopics())
  const missing = wanted.filter(({ topic }) => !there.has(topic))
  const plans = missing.map(({ topic, partitions, settings = {} }) => ({
    topic,
    numPartitions: partitions,
    configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
  }))
  // Made by hand, so that the first consumer does not wait for it; on a broker of somebody else it is theirs to make.
  const offsets = {
    topic: '__consumer_offsets',
    numPartitions: 4,
    configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
  }
  if (isOurs && !there.has(offsets.topic)) plans.push(offsets)
  if (plans.length === 0) return
  await admin.createTopics({ topics: plans, waitForLeaders: false })
  const created = plans.map(({ topic }) => topic)
  while (!(await areLed(admin, created))) await sleep(20)
}

/** kafkajs's own wait for leaders ends with an error when the broker does not know a topic yet. */
const areLed = async (admin: Admin, created: string[]): Promise<boolean> => {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: created })
    return topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
  } catch (error) {
    if ((error as { readonly retriable?: boolean }).retriable === true) return false
    throw error
  }
}

/** Whether the broker counts the rights that were created already: they take effect a little after the answer. */
const knowsAll = async (admin: Admin, rights: number): Promise<boolean> => {
  const { resources } = await admin.describeAcls({
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ANY,
  })
  return resources.reduce((sum, { acls }) => sum + acls.length, 0) >= rights
}

/** Creates the topics that are missing and allows what the table allows. Safe to repeat. */
export const prepareBroker = async ({
  brokers,
  adminPassword,
  producers,
  partitions,
}: PrepareOptions): Promise<void> => {
  const admin = new kafkajs.Kafka({
    clientId: 'countersign-setup',
    brokers: [...brokers],
    ...(adminPassword === undefined
      ? {}
      : { sasl: { mechanism: 'scram-sha-512' as const, username: 'admin', password: adminPassword } }),
    retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 500 },
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin()
  await admin.connect()
  try {
    await createMissingTopics(admin, topicsOf(producers, partitions), adminPassword !== undefined)
    if (adminPassword === undefined) return
    const acl = grantsOf(producers).map(aclOf)
    await admin.createAcls({ acl })
    while (!(await knowsAll(admin, acl.length))) await sleep(20)
  } finally {
    await admin.disconnect()
  }
}

export interface AddUsersOptions {
  readonly jars: string
  readonly port: number
  readonly adminPassword: string
  readonly users: ReadonlyMap<string, string>
  /** A folder that only we can read, for files that hold the passwords while the program runs. */
  readonly folder: string
}

/** SCRAM users for a broker that has run before; kafkajs has no call for it. No password is an argument of a program. */
export const addUsers = async ({ jars, port, adminPassword, users, folder }: AddUsersOptions): Promise<void> => {
  const [login, entry] = [join(folder, 'admin.properties'), join(folder, 'user.properties')]
  const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="${adminPassword}";`
  const lines = ['security.protocol=SASL_PLAINTEXT', 'sasl.mechanism=SCRAM-SHA-512', `sasl.jaas.config=${jaas}`]
  await writeFile(login, `${lines.join('\n')}\n`, { mode: 0o600 })
  try {
    for (const [name, password] of users) {
      await writeFile(entry, `SCRAM-SHA-512=iterations=8192,password=${password}\n`, { mode: 0o600 })
      const target = ['--bootstrap-server', `127.0.0.1:${port}`, '--command-config', login]
      const change = ['--alter', '--add-config-file', entry, '--entity-type', 'users', '--entity-name', name]
      await runJava(jars, 'kafka.admin.ConfigCommand', [...target, ...change])
    }
  } finally {
    await Promise.all([rm(login, { force: true }), rm(entry, { force: true })])
  }
}
