import { randomUUID } from 'node:crypto'
import { percentile, round, type Spread, spreadOf } from '../measure.ts'
import type { Scale } from '../scale.ts'
import { startSides } from '../side/side-process.ts'
import { type LatencyFigures, measured, type Measured } from '../targets.ts'
import type { Instance } from './instance.ts'
import { openLine, type Path } from './line.ts'

const share = 0.3

/**
 * T8: time from the moment at which an intent was due to its decision, at 30 % of what the whole path takes in, beside the
 * same records at the same rate through three bare hops on the same broker. Both are driven and timed by the same code.
 */
export const measureLatencies = async (instance: Instance, bare: Path, scale: Scale): Promise<Measured> => {
  const { rounds, intentsOnKafka, latencySeconds } = scale
  const group = `bench-${randomUUID()}`
  const sides = await startSides({ 'three-hop-chain': { client: instance.client, group } })
  const chain = await openLine(bare)
  try {
    await Promise.all([instance.line.drain(intentsOnKafka / 3), chain.drain(intentsOnKafka)])
    const { count, wallMs } = await instance.line.drain(intentsOnKafka)
    const rate = Math.max(2, round(((count * 1_000) / wallMs) * share, 1))
    const taken: Record<'ours' | 'bare', number[][]> = { ours: [], bare: [] }
    const lines = { ours: instance.line, bare: chain }
    for (let at = 0; at < rounds; at += 1) {
      const order = at % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)
      for (const side of order)
        taken[side].push((await lines[side].atRate(rate, latencySeconds)).toSorted((a, b) => a - b))
    }
    const p99 = (times: readonly number[]): number => percentile(times, 0.99)
    return measured('T8', {
      ours: latencyOf('intent on Kafka → decision on Kafka', rate, taken.ours),
      yardstick: latencyOf('kafkajs, produce → three topics → consume', rate, taken.bare),
      ratio: spreadOf(taken.ours.map((times, at) => p99(times) / p99(taken.bare[at] ?? []))),
    })
  } finally {
    await chain.close()
    await sides.closeAll()
  }
}

const latencyOf = (what: string, perSecond: number, rounds: readonly (readonly number[])[]): LatencyFigures => {
  const at = (share: number): Spread => spreadOf(rounds.map((times) => percentile(times, share)))
  return { what, perSecond, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}
