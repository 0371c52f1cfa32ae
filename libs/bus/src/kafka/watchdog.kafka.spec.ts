import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { specBrokers } from '@countersign/kafka/spec-brokers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordsOf } from '../contract-bench.ts'
import { type KafkaBench, makeKafkaBench } from '../kafka-bench.fixture.ts'
import type { Death } from './consumer-process.fixture.ts'

describe('a process whose Kafka consumer dies', () => {
  let bench: KafkaBench
  beforeAll(async () => {
    bench = await makeKafkaBench(specBrokers())
  })
  afterAll(() => bench.close())

  it.each([
    ['by a TypeError', /^handled\ndead: .*not a function/],
    ['without a word', /^handled\ndead: .*fell silent/],
  ] as const satisfies readonly (readonly [Death, RegExp])[])('ends when it dies %s', async (death, words) => {
    const topic = await bench.makeTopic(1)
    const { bus } = await bench.open()
    await bus.publish(recordsOf(topic, 'k', ['one']))
    const program = join(import.meta.dirname, 'consumer-process.fixture.ts')
    const args = ['--conditions=source', program, specBrokers()[0] ?? '', topic, death]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    expect(output).toMatch(words)
    expect(code).toBe(3)
  })
})
