import { measureHumanCycles } from '../end-to-end.ts'
import { cpuMsOf, round, spreadOf } from '../measure.ts'
import { sayStep } from '../report.ts'
import type { Scale } from '../scale.ts'
import { measured, type Measured } from '../targets.ts'
import type { Instance } from './instance.ts'

const atOnce = 32
const mostRounds = 3
/** The process that the services run under: it also is the demo's Slack, its identity provider and the way in. */
const supervisor = 'supervisor with demo Slack and sign-in'

/** Whole human cycles over HTTP, and the CPU that each process takes for them. */
export const measureCycles = async (instance: Instance, { rounds, seconds }: Scale): Promise<Measured> => {
  const { running, services } = instance
  const processes = [...services, { name: supervisor, pid: running.process.pid }]
  const clock = async (): Promise<number[]> => [
    ...(await Promise.all(processes.map(async ({ pid }) => (await cpuMsOf(pid)) ?? Number.NaN))),
    (await instance.serverCpuMs()) ?? Number.NaN,
  ]
  const perSecond: number[] = []
  const verdictP50Ms: number[] = []
  const verdictP99Ms: number[] = []
  const taken: number[][] = []
  for (let at = 0; at < Math.min(rounds, mostRounds); at += 1) {
    sayStep(`human cycles on Kafka, round ${at + 1}`)
    // The clock is read as the counted part begins and as it ends: what warms up before is nobody's cost.
    const reads: number[][] = []
    const node = async (): Promise<number> => {
      const each = await clock()
      reads.push(each)
      return each.reduce((sum, ms) => sum + ms, 0)
    }
    const load = { running, seconds, clocks: { node, postgres: () => instance.serverCpuMs() } }
    const cycles = await measureHumanCycles(load, atOnce)
    const [before = [], after = []] = reads
    perSecond.push(cycles.perSecond)
    verdictP50Ms.push(cycles.verdictP50Ms)
    verdictP99Ms.push(cycles.verdictP99Ms)
    taken.push(after.map((ms, process) => (ms - (before[process] ?? Number.NaN)) / cycles.count))
  }
  const median = (of: (process: readonly number[]) => number): number => round(spreadOf(taken.map(of)).median)
  const names = [...processes.map(({ name }) => name), 'PostgreSQL']
  return measured('cycles', {
    ours: {
      what: `CPU seconds for 1,000 cycles, and a verdict's ms`,
      services: {
        ...Object.fromEntries(names.map((name, process) => [name, median((each) => each[process] ?? Number.NaN)])),
        'verdict p50': spreadOf(verdictP50Ms).median,
        'verdict p99': spreadOf(verdictP99Ms).median,
      },
    },
    ratio: spreadOf(perSecond),
  })
}
