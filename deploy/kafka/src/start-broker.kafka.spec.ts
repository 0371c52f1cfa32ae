import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { type Kafka } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from './broker-process.ts'
import type { BrokerSecrets } from './broker-secrets.ts'
import { defaultCacheDir } from './places.ts'
import { type SecuredBroker, startBroker } from './start-broker.ts'

describe('the secured broker', () => {
  let dataDir: string
  let broker: SecuredBroker
  const start = async (producers: readonly string[]) => {
    const [scram, tls, mtls, controller] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const ports = { scram, tls, mtls, controller }
    broker = await startBroker({ dataDir, cacheDir: defaultCacheDir(), producers, ports, log: () => undefined })
  }
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'countersign-kafka-secured-'))
    await start(['agent-a'])
  })
  afterAll(async () => {
    await broker.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const secrets = async (): Promise<BrokerSecrets> => JSON.parse(await readFile(broker.secretsFile, 'utf8'))
  const clientOf = async (name: string, listener: 'scram' | 'tls' | 'mtls' = 'scram'): Promise<Kafka> => {
    const at = (file: string) => readFile(join(broker.certificatesDir, file))
    const own = { cert: await at(`${name}.crt`), key: await at(`${name}.key`) }
    const password = (await secrets()).passwords[name] ?? ''
    return new kafkajs.Kafka({
      brokers: [`127.0.0.1:${broker.ports[listener]}`],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 2, initialRetryTime: 100 },
      ...(listener === 'scram' ? {} : { ssl: { ca: [await at('ca.crt')], ...(listener === 'mtls' ? own : {}) } }),
      ...(listener === 'mtls' ? {} : { sasl: { mechanism: 'scram-sha-512', username: name, password } }),
    })
  }
  /** What a write came to: the broker's refusal, or nothing. */
  const write = async (name: string, topic: string, listener?: 'scram' | 'tls' | 'mtls') => {
    const producer = (await clientOf(name, listener)).producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    const refusal = await producer.send({ topic, messages: [{ key: 'k', value: 'v' }] }).then(
      () => undefined,
      (error: { type?: string; cause?: { type?: string } }) => error.type ?? error.cause?.type,
    )
    await producer.disconnect()
    return refusal
  }

  it.each(['scram', 'tls', 'mtls'] as const)('lets a producer write its own intents over %s', async (listener) => {
    expect(await write('agent-a', 'countersign.intents.v1.agent-a', listener)).toBeUndefined()
  })

  it.each([
    ['agent-a', 'countersign.events.v1'],
    ['agent-a', 'countersign.decisions.v1.agent-a'],
    ['agent-a', 'countersign.intents.v1.agent-b'],
    ['relay', 'countersign.audit.v1'],
    ['siem', 'countersign.audit.v1'],
    ['policy', 'countersign.events.v1'],
  ])('keeps %s from writing %s', async (name, topic) => {
    expect(await write(name, topic)).toBe('TOPIC_AUTHORIZATION_FAILED')
  })

  it('gives records of producers its own time, and stores their batches unpacked whatever they were packed with', async () => {
    const topic = 'countersign.intents.v1.agent-a'
    const producer = (await clientOf('agent-a')).producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    const messages = [{ key: 'k', value: 'v'.repeat(10_000), timestamp: '0' }]
    const from = Date.now() - 60_000
    const [sent] = await producer.send({ topic, messages, compression: kafkajs.CompressionTypes.GZIP })
    // A bomb: packed it is small, unpacked it is more than a batch may be.
    const bomb = producer.send({
      topic,
      messages: [{ key: 'k', value: Buffer.alloc(5_000_000) }],
      compression: kafkajs.CompressionTypes.GZIP,
    })
    await expect(bomb).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    await producer.disconnect()
    expect(Number(sent?.logAppendTime)).toBeGreaterThan(from)
  })

  it('keeps its secrets to its owner', async () => {
    for (const file of ['secrets.json', 'server.properties', 'tls/broker.pem', 'tls/agent-a.key', 'tls/ca.key']) {
      expect([file, (await stat(join(dataDir, file))).mode & 0o077]).toEqual([file, 0])
    }
  })

  it('keeps data and passwords over a restart, and adds a producer', async () => {
    await write('relay', 'countersign.events.v1')
    const before = await secrets()
    await broker.stop()
    await start(['agent-a', 'agent-b'])
    const after = await secrets()
    expect(after.passwords).toMatchObject(before.passwords)
    expect(await write('agent-b', 'countersign.intents.v1.agent-b')).toBeUndefined()
    expect(await write('agent-b', 'countersign.intents.v1.agent-a')).toBe('TOPIC_AUTHORIZATION_FAILED')
    const admin = (await clientOf('policy')).admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets('countersign.events.v1')
    await admin.disconnect()
    expect(ends.reduce((sum, { high }) => sum + Number(high), 0)).toBe(1)
  })
})
