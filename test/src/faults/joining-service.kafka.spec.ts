import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { type BatchOutcome, createKafkaBus, type DeliveredBatch, type ParkingLot } from '@countersign/bus'
import { specBrokers } from '@countersign/kafka/spec-brokers'
import { buildService, BusTransport, createLog, type ServiceContext } from '@countersign/service-kit'
import { Controller, Module } from '@nestjs/common'
import { EventPattern } from '@nestjs/microservices'
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../instance/until.ts'

const topic = `joining-${randomUUID()}`
/** Nothing parks here. */
const parking: ParkingLot = {
  claim: async () => new Set(),
  park: async () => false,
  topicsToRedrive: async () => [],
  nextRedrive: async () => [],
  settleRedrive: async () => undefined,
  requestRedrive: async () => 0,
  list: async () => [],
  count: async () => new Map(),
}
/** Longer than any test, so that a group misses a member that was killed until the test is over. */
const timing = { sessionMs: 300_000, rebalanceMs: 300_000 }

@Controller()
class Reading {
  @EventPattern<Record<string, DeliveredBatch>>(topic)
  async read({ records }: DeliveredBatch): Promise<BatchOutcome> {
    return records.map(() => 'done')
  }
}
@Module({ controllers: [Reading] })
class ReadingModule {}
@Module({})
class EmptyModule {}

let admin: Admin
beforeAll(async () => {
  const kafka = new kafkajs.Kafka({ brokers: [...specBrokers()], logLevel: kafkajs.logLevel.NOTHING })
  admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
})
afterAll(() => admin.disconnect())

const openBus = () => {
  const sockets: Socket[] = []
  const bus = createKafkaBus({
    brokers: specBrokers(),
    clientId: 'spec',
    log: () => undefined,
    parking,
    onDead: () => undefined,
    timing,
    openSocket: ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect)
      sockets.push(socket)
      return socket
    },
  })
  return { bus, kill: () => sockets.forEach((socket) => socket.destroy()) }
}
const membersOf = async (group: string): Promise<number> =>
  (await admin.describeGroups([group])).groups[0]?.members.length ?? 0

/** Subscribed to by a transport, as most services are, or by a consumer of its own, as the ledger and the projector are. */
const ways = {
  transport:
    (group: string, { bus }: ReturnType<typeof openBus>) =>
    () => ({
      module: ReadingModule,
      transport: new BusTransport({ bus, group, verify: () => true }),
      onStop: () => bus.close(),
    }),
  consumer:
    (group: string, { bus }: ReturnType<typeof openBus>) =>
    ({ stopping }: ServiceContext<object>) => ({
      module: EmptyModule,
      consumers: [
        {
          name: 'reading',
          start: async () =>
            void (await bus.subscribe({ group, topics: [topic], signal: stopping, handle: async () => 'done' })),
          stop: async () => undefined,
        },
      ],
      onStop: () => bus.close(),
    }),
}

it.each(['transport', 'consumer'] as const)(
  'a service whose %s still joins its group stops in order though the group waits for somebody who was killed',
  async (way) => {
    const group = `group-${randomUUID()}`
    const killed = openBus()
    await killed.bus.subscribe({ group, topics: [topic], handle: async () => 'done' })
    killed.kill()
    const service = await buildService({
      name: 'policy',
      config: {},
      log: createLog({ service: 'policy', level: 'silent' }),
      compose: ways[way](group, openBus()),
    })
    const started = expect(service.start()).rejects.toThrow()
    await until(async () => (await membersOf(group)) === 2 || undefined, { what: 'the join' })
    expect(await service.stop()).toBe('drained')
    await started
    expect(await membersOf(group)).toBe(1)
  },
)
