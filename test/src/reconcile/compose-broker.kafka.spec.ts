import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readBrokerLog } from '@countersign/cli'
import { topics } from '@countersign/contracts'
import {
  defaultCacheDir,
  fetchImageJars,
  formatArguments,
  freePort,
  isAccepting,
  openAuthority,
  serverProperties,
} from '@countersign/kafka'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../instance/until.ts'

const script = fileURLToPath(new URL('../../../deploy/compose/start-kafka.sh', import.meta.url))
const passwords = new Map(['broker', 'admin', 'etl'].map((name) => [name, randomBytes(16).toString('hex')]))

/** The broker of docker-compose.yml, started by its script with the jars of its image. */
let folder = ''
let jars = ''
let port = 0
let broker: ChildProcess | undefined
const at = (name: string) => join(folder, name)
const log = () => at('log/broker.log')

const start = async () => {
  const { PATH = '' } = process.env
  const env = { PATH, SECRETS: at('secrets'), KAFKA_LIBS: jars, BROKER_LOG: log(), TMPDIR: at('tmp') }
  broker = spawn('sh', [script], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  await until(async () => (await isAccepting(port)) || broker?.exitCode !== null, { what: 'the broker' })
}
const stop = async () => {
  broker?.kill('SIGTERM')
  if (broker !== undefined && broker.exitCode === null && broker.signalCode === null) await once(broker, 'exit')
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-compose-broker-'))
  await chmod(folder, 0o700)
  for (const name of ['secrets', 'data', 'log', 'tmp']) await mkdir(at(name))
  jars = await fetchImageJars(defaultCacheDir(), () => undefined)
  const authority = await openAuthority(at('tls'))
  const ports = {
    scram: await freePort(),
    tls: await freePort(),
    mtls: await freePort(),
    controller: await freePort(),
  }
  port = ports.scram
  const propertiesFile = at('secrets/server.properties')
  const brokerPassword = passwords.get('broker') ?? ''
  const brokerPem = await authority.brokerPem()
  const places = { ports, dataDir: at('data'), brokerPassword, brokerPem, caFile: authority.caFile }
  await writeFile(propertiesFile, serverProperties(places))
  const clusterId = `A${randomBytes(16).toString('base64url').slice(1)}`
  await writeFile(at('secrets/format-arguments'), formatArguments({ propertiesFile, clusterId, users: passwords }))
  await start()
})
afterAll(async () => {
  await stop()
  await rm(folder, { recursive: true, force: true })
})

const writes = async (topic: string): Promise<string | undefined> => {
  const client = new kafkajs.Kafka({
    brokers: [`127.0.0.1:${port}`],
    sasl: { mechanism: 'scram-sha-512', username: 'etl', password: passwords.get('etl') ?? '' },
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const producer = client.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    retry: { retries: 1 },
  })
  await producer.connect()
  const refusal = await producer.send({ topic, messages: [{ value: 'v' }] }).then(
    () => undefined,
    (error: { type?: string; cause?: { type?: string } }) => error.type ?? error.cause?.type,
  )
  await producer.disconnect()
  return refusal
}
/** What `countersign reconcile --trail kafka` makes of the log, once it holds the text. */
const readOnceItHolds = async (text: string) => {
  await until(async () => (await readFile(log(), 'utf8')).includes(text), { what: `a line with ${text}` })
  return readBrokerLog([log()], Date.now())
}

describe('the broker of docker-compose.yml', () => {
  it.each([
    ['another producer’s', 'countersign.intents.v1.replay'],
    ['ours', topics.events],
    ['Kafka’s own', '__consumer_offsets'],
  ])('keeps a marked line of a write that it refused to a topic that is %s', async (_whose, topic) => {
    expect(await writes(topic)).toBe('TOPIC_AUTHORIZATION_FAILED')
    const { refusals, quarantined } = await readOnceItHolds(`LITERAL:${topic}`)
    expect(refusals).toContainEqual(
      expect.objectContaining({ principal: 'etl', resource: topic, resourceType: 'Topic', host: '127.0.0.1' }),
    )
    expect(quarantined).toEqual([])
  })

  it('lets nobody write a line about somebody else by what they name', async () => {
    const forged = `x\n2026-11-22T00:00:00.000Z [t] INFO kafka.authorizer.logger - Principal = User:relay is Denied operation = WRITE from host = 10.9.9.9 on resource = Topic:LITERAL:y for request = Produce `
    expect(await writes(forged)).toBe('TOPIC_AUTHORIZATION_FAILED')
    const { refusals, quarantined } = await readOnceItHolds('10.9.9.9')
    expect(refusals.filter(({ host, principal }) => host === '10.9.9.9' || principal === 'relay')).toEqual([])
    expect(refusals).toContainEqual(expect.objectContaining({ principal: 'etl', resource: '(unclear)' }))
    expect(new Set(quarantined.map(({ reason }) => reason))).toEqual(new Set(['not_by_the_broker']))
  })

  it('keeps the mark to itself, and over a restart', async () => {
    const mark = await readFile(`${log()}.mark`, 'utf8')
    expect(mark).toMatch(/^[0-9a-f]{32}$/)
    expect(await readFile(`/proc/${broker?.pid}/cmdline`, 'utf8')).not.toContain(mark)
    for (const file of [log(), `${log()}.mark`, at('tmp/log4j2.properties')])
      expect([file, (await stat(file)).mode & 0o077]).toEqual([file, 0])
    const before = (await readBrokerLog([log()], Date.now())).refusals.length
    await stop()
    await start()
    expect(await writes('countersign.audit.v1')).toBe('TOPIC_AUTHORIZATION_FAILED')
    expect((await readOnceItHolds('countersign.audit.v1')).refusals).toHaveLength(before + 1)
    expect(await readFile(`${log()}.mark`, 'utf8')).toBe(mark)
  })
})
