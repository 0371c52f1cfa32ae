import 'reflect-metadata'
import type { BatchOutcome, Bus, DeliveredBatch, SubscribeOptions, Subscription } from '@countersign/bus'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { EventPattern } from '@nestjs/microservices'
import { afterEach, expect, it } from 'vitest'
import { ProducerTransport, type ProducerTrouble } from './producer-transport.ts'

type Subscribed = SubscribeOptions & { stopped: boolean }

/** A bus whose subscriptions are noted; those of the producers in `missing` are refused as by a broker. */
const noteBus = () => {
  const subscribed: Subscribed[] = []
  const missing = new Set<string>()
  let changed = (): void => undefined
  const subscribe = async (options: SubscribeOptions): Promise<Subscription> => {
    if (missing.has(options.group)) throw Object.assign(new Error('no topic'), { code: 'topic_missing' })
    const entry: Subscribed = { ...options, stopped: false }
    subscribed.push(entry)
    changed()
    return {
      stop: async () => {
        entry.stopped = true
        changed()
      },
    } as Subscription
  }
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo())
      await new Promise<void>((resolve) => {
        changed = resolve
      })
  }
  return { bus: { subscribe } as unknown as Bus, subscribed, missing, until }
}

const got: { batches: DeliveredBatch[]; answer: () => BatchOutcome } = { batches: [], answer: () => 'done' }

@Controller()
class Taking {
  @EventPattern<Record<string, DeliveredBatch>>('spec.intents.{producer}')
  async intents(batch: DeliveredBatch): Promise<BatchOutcome> {
    got.batches.push(batch)
    return got.answer()
  }
}
@Module({ controllers: [Taking] })
class TakingModule {}

let close: () => Promise<void> = async () => undefined
afterEach(() => close())

const open = async () => {
  const noted = noteBus()
  const troubles: ProducerTrouble[] = []
  const transport = new ProducerTransport({
    bus: noted.bus,
    groupOf: (producer) => `group.${producer}`,
    onTrouble: (trouble) => troubles.push(trouble),
    backoffMs: () => 1,
  })
  const app = await NestFactory.createMicroservice(TakingModule, { strategy: transport, logger: false })
  close = () => app.close()
  await app.listen()
  const groups = () => noted.subscribed.filter(({ stopped }) => !stopped).map(({ group }) => group)
  return { ...noted, app, transport, troubles, groups }
}
const batchOf = (topic: string): DeliveredBatch => ({ topic, records: [], signal: new AbortController().signal })

it('gives each producer a subscription and group of its own, on its own topics', async () => {
  const { transport, subscribed, until } = await open()
  transport.follow(['etl', 'rival'])
  await until(() => subscribed.length === 2)
  expect(subscribed.map(({ group, topics }) => [group, topics])).toEqual([
    ['group.etl', ['spec.intents.etl']],
    ['group.rival', ['spec.intents.rival']],
  ])
})

it('follows the register: new producers are subscribed to, others left, those that stay are not touched', async () => {
  const { transport, subscribed, groups, until } = await open()
  transport.follow(['etl', 'rival'])
  await until(() => subscribed.length === 2)
  transport.follow(['rival', 'late'])
  await until(() => groups().length === 2 && groups().includes('group.late'))
  expect(subscribed.filter(({ group }) => group === 'group.rival')).toHaveLength(1)
  transport.follow([])
  await until(() => groups().length === 0)
})

it('tries a producer whose topic is missing again, says so once, and keeps nobody waiting for it', async () => {
  const { transport, missing, subscribed, troubles, until } = await open()
  missing.add('group.etl')
  transport.follow(['etl', 'rival'])
  await until(() => subscribed.length === 1)
  while (transport.troubles.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  expect(transport.troubles).toEqual([{ producer: 'etl', code: 'topic_missing' }])
  missing.clear()
  await until(() => subscribed.length === 2)
  while (transport.troubles.length > 0) await new Promise((resolve) => setTimeout(resolve, 1))
  expect(troubles).toEqual([{ producer: 'etl', code: 'topic_missing' }])
})

it('hands whole batches to the handler, and a failure of it back to the bus as an outage', async () => {
  const { transport, subscribed, until } = await open()
  transport.follow(['etl'])
  await until(() => subscribed.length === 1)
  got.answer = () => [{ quarantine: 'invalid_json' }]
  const batch = batchOf('spec.intents.etl')
  expect(await subscribed[0]?.handle(batch)).toEqual([{ quarantine: 'invalid_json' }])
  expect(got.batches.at(-1)).toBe(batch)
  got.answer = () => {
    throw new Error('the store is away')
  }
  // Nest keeps what it was to itself, and logs it.
  await expect(subscribed[0]?.handle(batch)).rejects.toThrow()
})

it('leaves every producer when it closes, and follows nobody afterwards', async () => {
  const { app, transport, subscribed, groups, until } = await open()
  transport.follow(['etl', 'rival'])
  await until(() => subscribed.length === 2)
  await app.close()
  expect(groups()).toEqual([])
  transport.follow(['late'])
  expect(groups()).toEqual([])
})

it('takes no pattern without a place for the producer, and no two handlers for one', () => {
  const transport = new ProducerTransport({ bus: noteBus().bus, groupOf: String })
  const handler = Object.assign(async () => undefined, {})
  expect(() => transport.addHandler('spec.events', handler, true)).toThrow('no place for a producer')
  transport.addHandler('spec.x.{producer}', handler, true)
  expect(() => transport.addHandler('spec.x.{producer}', handler, true)).toThrow('two handlers')
})

it('gives up subscriptions that let it wait when it is closed, and calls that no trouble', async () => {
  const { transport, bus, troubles, app } = await open()
  const asked = Promise.withResolvers<void>()
  bus.subscribe = ({ signal }) => {
    asked.resolve()
    return new Promise((_, giveUp) => signal?.addEventListener('abort', () => giveUp(new Error('given up'))))
  }
  transport.follow(['etl'])
  await asked.promise
  await app.close()
  expect(troubles).toEqual([])
  expect(transport.troubles).toEqual([])
})
