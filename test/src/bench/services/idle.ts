import { setTimeout as pause } from 'node:timers/promises'
import { cpuMsOf, residentMiB, round, spreadOf } from '../measure.ts'
import type { Scale } from '../scale.ts'
import { measured, type Measured } from '../targets.ts'
import type { Instance } from './instance.ts'

/** What a start leaves behind has settled by then. */
const settlingMs = 5_000

/** T11: CPU and memory of each service while nothing happens. */
export const measureIdle = async ({ services }: Instance, { idleSeconds }: Scale): Promise<Measured[]> => {
  await pause(settlingMs)
  const clocks = async (): Promise<number[]> =>
    Promise.all(services.map(async ({ pid }) => (await cpuMsOf(pid)) ?? Number.NaN))
  const before = await clocks()
  await pause(idleSeconds * 1_000)
  const after = await clocks()
  const percents = after.map((ms, at) => round((ms - (before[at] ?? 0)) / (idleSeconds * 10), 2))
  const memory = await Promise.all(services.map(async ({ pid }) => (await residentMiB(pid)) ?? Number.NaN))
  const byName = (values: readonly number[]): Record<string, number> =>
    Object.fromEntries(services.map(({ name }, at) => [name, values[at] ?? Number.NaN]))
  return [
    measured('T11-CPU', {
      ours: { what: `% of a core over ${idleSeconds} s`, services: byName(percents) },
      ratio: spreadOf([Math.max(...percents)]),
    }),
    measured('T11-memory', {
      ours: { what: 'MiB resident', services: byName(memory) },
      ratio: spreadOf([Math.max(...memory)], 1),
    }),
  ]
}
