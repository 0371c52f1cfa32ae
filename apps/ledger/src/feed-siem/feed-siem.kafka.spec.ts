import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ocsfErrors } from '@countersign/audit-row/spec-ocsf'
import { createKafkaBus, type KafkaBusOptions } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { eventExamples } from '@countersign/contracts/spec-examples'
import { defaultCacheDir, freePort, type SecuredBroker, startBroker } from '@countersign/kafka'
import kafkajs from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type LedgerService, startLedgerService } from '../ledger-service.fixture.ts'
import { streamsOf } from '../ledger-store.fixture.ts'
import { firstArrivals, rowOf, upTo } from './feed-bench.fixture.ts'

/** Nothing is parked in this spec. */
const parking: KafkaBusOptions['parking'] = {
  claim: async () => new Set(),
  park: async () => false,
  topicsToRedrive: async () => [],
  nextRedrive: async () => [],
  settleRedrive: async () => undefined,
  requestRedrive: async () => 0,
  list: async () => [],
  count: async () => new Map(),
}
const consumerFile = fileURLToPath(new URL('stock-consumer.fixture.ts', import.meta.url))
const examples = eventExamples()
/** A broker, a database and a service on a machine that does something else as well. */
const START_MS = 240_000
const SIZE = examples.length + 1_200

interface Arrived {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
}

describe('a SIEM on the secured broker', { timeout: 120_000 }, () => {
  let dataDir: string
  let broker: SecuredBroker
  let service: LedgerService
  let passwords: Readonly<Record<string, string>>
  const started: ChildProcess[] = []

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'countersign-siem-'))
    const [scram, tls, mtls, controller] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const ports = { scram, tls, mtls, controller }
    const log = () => undefined
    broker = await startBroker({ dataDir, cacheDir: defaultCacheDir(), producers: ['agent-a'], ports, log })
    passwords = JSON.parse(await readFile(broker.secretsFile, 'utf8')).passwords
    service = await startLedgerService(async () => {
      const bus = createKafkaBus({
        brokers: [`127.0.0.1:${scram}`],
        clientId: 'ledger',
        sasl: { mechanism: 'scram-sha-512', username: 'ledger', password: passwords['ledger'] ?? '' },
        log,
        parking,
        onDead: log,
      })
      return { bus, close: () => bus.close() }
    })
    await service.store.insert(examples.map(({ wireType: type, kind, data }) => ({ type, kind, data })))
    await service.store.insert(streamsOf(400, 3))
  }, START_MS)
  afterEach(async () => {
    for (const child of started.splice(0)) await kill(child)
  })
  afterAll(async () => {
    await service.stop()
    await broker.stop()
    await rm(dataDir, { recursive: true, force: true })
  }, START_MS)

  const certificate = (file: string) => join(broker.certificatesDir, file)
  const kill = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  /** Starts a stock consumer as `siem`; `next` resolves with one record after the other. */
  const consume = (group: string, listener: 'tls' | 'mtls') => {
    const own = listener === 'mtls' ? { CERT: certificate('siem.crt'), KEY: certificate('siem.key') } : {}
    const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', consumerFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        BROKER: `127.0.0.1:${broker.ports[listener]}`,
        GROUP: group,
        TOPIC: topics.audit,
        USERNAME: 'siem',
        PASSWORD: passwords['siem'],
        CA: certificate('ca.crt'),
        ...own,
      },
    })
    started.push(child)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return {
      /** Ends it in the middle; resolves with what it had read by then and nobody has taken from it. */
      kill: async (): Promise<Arrived[]> => {
        await kill(child)
        const left: string[] = []
        for await (const line of { [Symbol.asyncIterator]: () => lines }) left.push(line)
        return left.flatMap((line, at) => {
          try {
            return [JSON.parse(line) as Arrived]
          } catch (error) {
            // The line that it was at is cut off: it had not committed that record.
            if (at === left.length - 1) return []
            throw error
          }
        })
      },
      next: async (): Promise<Arrived> => {
        const { value, done } = await lines.next()
        if (done === true) throw new Error('the consumer has ended')
        return JSON.parse(value) as Arrived
      },
    }
  }
  const sequenceOf = ({ value }: Arrived) => rowOf({ value: Buffer.from(value) }).metadata.sequence
  const sorted = (sequences: readonly number[]) => [...sequences].sort((a, b) => a - b)
  /** Reads until every sequence below the size of the log was there. */
  const readAll = async (next: () => Promise<Arrived>, already: readonly Arrived[] = []): Promise<Arrived[]> => {
    const arrived = [...already]
    const seen = new Set(arrived.map(sequenceOf))
    while (seen.size < SIZE) {
      const record = await next()
      arrived.push(record)
      seen.add(sequenceOf(record))
    }
    return arrived
  }

  it.each(['tls', 'mtls'] as const)('reads every row of every type as valid OCSF, over %s', async (listener) => {
    const arrived = await readAll(consume(`siem.${listener}`, listener).next)
    expect(arrived.flatMap(({ value }) => ocsfErrors(rowOf({ value: Buffer.from(value) })))).toEqual([])
    const types = new Set(arrived.map(({ value }) => rowOf({ value: Buffer.from(value) }).metadata.event_code))
    expect([...types]).toEqual(expect.arrayContaining(examples.map(({ wireType }) => wireType)))
    expect(sorted(firstArrivals(arrived.map(sequenceOf)))).toEqual(upTo(SIZE))
    for (const { key, headers, value } of arrived) {
      const row = rowOf({ value: Buffer.from(value) })
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: row.metadata.uid,
        ce_source: '/countersign/ledger',
        ce_type: 'dev.countersign.AuditRow.v1',
        ce_subject: key,
      })
      expect(headers['ce_time']).toMatch(/Z$/)
    }
  })

  it('resumes after a kill in the middle with no gap in the sequence', async () => {
    const first = consume('siem.killed', 'mtls')
    const before: Arrived[] = []
    while (before.length < SIZE / 3) before.push(await first.next())
    before.push(...(await first.kill()))
    expect(before.length).toBeLessThan(SIZE)
    const after = await readAll(consume('siem.killed', 'mtls').next, before)
    expect(sorted(firstArrivals(after.map(sequenceOf)))).toEqual(upTo(SIZE))
    const byKey = Map.groupBy(after, ({ key }) => key)
    for (const own of byKey.values()) {
      const sequences = firstArrivals(own.map(sequenceOf))
      expect(sequences).toEqual(sorted(sequences))
    }
    // It went on and did not begin again: of what it had read, it saw at most the record again that it was at.
    const again = after
      .slice(before.length)
      .filter((record) => before.some(({ headers }) => headers['ce_id'] === record.headers['ce_id']))
    expect(again.length).toBeLessThanOrEqual(1)
  })

  const asSiem = () =>
    new kafkajs.Kafka({
      brokers: [`127.0.0.1:${broker.ports.scram}`],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 2, initialRetryTime: 100 },
      sasl: { mechanism: 'scram-sha-512', username: 'siem', password: passwords['siem'] ?? '' },
    })

  it.each([topics.audit, topics.events])('may not write %s', async (topic) => {
    const producer = asSiem().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    await producer.connect()
    const refusal = await producer.send({ topic, messages: [{ key: 'k', value: '{}' }] }).then(
      () => 'none',
      (error: { type?: string; cause?: { type?: string } }) => error.type ?? error.cause?.type,
    )
    expect(refusal).toBe('TOPIC_AUTHORIZATION_FAILED')
    await producer.disconnect()
  })

  it.each([topics.events, topics.checkpoints, topics.quarantine])('may not read %s', async (topic) => {
    const consumer = asSiem().consumer({ groupId: 'siem.elsewhere' })
    await consumer.connect()
    await expect(consumer.subscribe({ topics: [topic] })).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' })
    await consumer.disconnect()
  })
})
