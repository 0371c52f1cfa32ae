import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultCacheDir, freePort, type SecuredBroker, startBroker } from '@countersign/kafka'
import { topics } from '@countersign/contracts'
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Bus } from '../bus.ts'
import { Recorder, recordsOf } from '../contract-bench.ts'
import { createKafkaBus, type KafkaBusOptions } from '../kafka.ts'
import { quickTiming } from '../kafka-bench.fixture.ts'
import type { ParkingLot } from './parking-lot.ts'

/** Nothing is parked in these specs. */
const noParking: ParkingLot = {
  claim: async () => new Set(),
  park: async () => false,
  topicsToRedrive: async () => [],
  nextRedrive: async () => [],
  settleRedrive: async () => undefined,
  requestRedrive: async () => 0,
  list: async () => [],
  count: async () => new Map(),
}

describe('the kafka driver and the rights of its principal', () => {
  let dataDir: string
  let broker: SecuredBroker
  let passwords: Readonly<Record<string, string>>
  const opened: Bus[] = []
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'countersign-kafka-access-'))
    const [scram, tls, mtls, controller] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const ports = { scram, tls, mtls, controller }
    const log = () => undefined
    broker = await startBroker({ dataDir, cacheDir: defaultCacheDir(), producers: ['agent-a'], ports, log })
    passwords = JSON.parse(await readFile(broker.secretsFile, 'utf8')).passwords
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close()))
  })
  afterAll(async () => {
    await broker.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const saslOf = (username: string, password = passwords[username] ?? '') =>
    ({ mechanism: 'scram-sha-512', username, password }) as const
  const busOver = (options: Pick<KafkaBusOptions, 'brokers' | 'clientId'> & Partial<KafkaBusOptions>): Bus => {
    const quiet = { log: () => undefined, onDead: () => undefined }
    const bus = createKafkaBus({
      ...quiet,
      parking: noParking,
      timing: { ...quickTiming, sessionMs: 6_000 },
      ...options,
    })
    opened.push(bus)
    return bus
  }
  const busAs = (name: string, options: Partial<KafkaBusOptions> = {}): Bus => {
    const brokers = [`127.0.0.1:${broker.ports.scram}`]
    return busOver({ brokers, clientId: name, sasl: saslOf(name), ...options })
  }
  const asAdmin = async (work: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = new kafkajs.Kafka({ brokers: [`127.0.0.1:${broker.ports.scram}`], sasl: saslOf('admin') }).admin()
    await admin.connect()
    await work(admin)
    await admin.disconnect()
  }
  const done = async () => 'done' as const

  it('carries records between principals, over SCRAM and over mTLS', async () => {
    const file = (name: string) => readFile(join(broker.certificatesDir, name))
    const got = new Recorder()
    await busAs('policy').subscribe({ group: 'countersign.policy', topics: [topics.events], handle: got.handle })
    await busAs('relay').publish(recordsOf(topics.events, 'k', ['scram']))
    await got.count(1)
    const ssl = { ca: [await file('ca.crt')], cert: await file('siem.crt'), key: await file('siem.key') }
    const brokers = [`127.0.0.1:${broker.ports.mtls}`]
    const bus = busOver({ brokers, ssl, clientId: 'siem' })
    await busAs('ledger').publish(recordsOf(topics.audit, 'k', ['mtls']))
    const audit = new Recorder()
    await bus.subscribe({ group: 'siem.one', topics: [topics.audit], handle: audit.handle })
    await audit.count(1)
  })

  it('fails only the records of a forbidden topic, at once, and works on', async () => {
    const bus = busAs('relay')
    const [forbidden, allowed] = await Promise.allSettled([
      bus.publish(recordsOf(topics.audit, 'k', ['one'])),
      bus.publish(recordsOf(topics.events, 'k', ['one'])),
    ])
    expect(forbidden).toMatchObject({ status: 'rejected', reason: { code: 'topic_forbidden' } })
    expect(allowed.status).toBe('fulfilled')
  })

  it('works on for the other topics when one is forbidden later', async () => {
    const bus = busAs('ledger')
    const own = { principal: 'User:ledger', host: '*', operation: kafkajs.AclOperationTypes.WRITE }
    const topic = { resourceType: kafkajs.AclResourceTypes.TOPIC, resourceName: topics.checkpoints }
    const right = {
      ...own,
      ...topic,
      resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
      permissionType: kafkajs.AclPermissionTypes.ALLOW,
    }
    await bus.publish(recordsOf(topics.checkpoints, 'k', ['allowed']))
    await asAdmin((admin) => admin.deleteAcls({ filters: [right] }))
    const forbidden = async (): Promise<unknown> => {
      for (;;) {
        const refusal = await bus.publish(recordsOf(topics.checkpoints, 'k', ['late'])).catch((error: unknown) => error)
        if (refusal !== undefined) return refusal
      }
    }
    expect(await forbidden()).toMatchObject({ code: 'topic_forbidden' })
    await bus.publish(recordsOf(topics.audit, 'k', ['other']))
    await asAdmin((admin) => admin.createAcls({ acl: [right] }))
    const allowed = (): Promise<void> => bus.publish(recordsOf(topics.checkpoints, 'k', ['again'])).catch(allowed)
    await allowed()
  })

  it('rejects a subscription to a forbidden topic or in a forbidden group', async () => {
    const dead: Error[] = []
    const bus = busAs('policy', { onDead: (error) => dead.push(error) })
    await expect(
      bus.subscribe({ group: 'countersign.policy', topics: [topics.audit], handle: done }),
    ).rejects.toMatchObject({ code: 'topic_forbidden' })
    await expect(
      bus.subscribe({ group: 'countersign.ledger', topics: [topics.events], handle: done }),
    ).rejects.toMatchObject({ code: 'group_forbidden' })
    expect(dead).toEqual([])
  })

  it('says that name and password are refused', async () => {
    const bus = busAs('policy', { sasl: saslOf('policy', 'wrong') })
    await expect(bus.publish(recordsOf(topics.events, 'k', ['one']))).rejects.toMatchObject({
      code: 'credentials_refused',
    })
  })

  it('reports a consumer dead whose group is taken away while it runs', async () => {
    const dead = Promise.withResolvers<Error>()
    const bus = busAs('notifier', { onDead: dead.resolve })
    await bus.subscribe({ group: 'countersign.notifier', topics: [topics.events], handle: done })
    await asAdmin((admin) =>
      admin.deleteAcls({
        filters: [
          {
            resourceType: kafkajs.AclResourceTypes.GROUP,
            resourceName: 'countersign.notifier',
            resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED,
            principal: 'User:notifier',
            host: '*',
            operation: kafkajs.AclOperationTypes.READ,
            permissionType: kafkajs.AclPermissionTypes.ALLOW,
          },
        ],
      }),
    )
    expect(await dead.promise).toBeInstanceOf(Error)
  })
})
