import { specBrokers } from '@countersign/kafka/spec-brokers'
import { expect, it } from 'vitest'
import { stopWhile } from '../instance/starting-process.ts'

const moments: [string, (output: string, logs: ReadonlyMap<string, readonly string[]>) => boolean][] = [
  ['none of them is built', (output) => output.includes('seed registers')],
  ['some of them are ready', (_output, logs) => [...logs.values()].some((lines) => lines.length > 0)],
]

it.each(moments)(
  'services as processes that are asked to stop when %s end in order, with 0, each by itself and none waiting for another',
  async (_moment, isTime) => {
    const { how, output, left, logs } = await stopWhile('kafka', isTime, { KAFKA_BROKERS: specBrokers().join(',') })
    expect(output).not.toMatch(/could not start|broken off/)
    expect(output).toMatch(/stopped before it was ready|stopped, everything is kept/)
    expect(how).toBe(0)
    expect(left).toEqual([])
    for (const [service, lines] of logs)
      if (lines.length > 0) expect(lines.at(-1), service).toContain('service stopped')
  },
  180_000,
)
