import type { HumanCycles, Latency, Throughput } from './end-to-end.ts'
import type { Cost, Memory } from './measure.ts'
import type { Stages } from './stages.ts'
import type { Figures, Goal, TargetResult } from './targets.ts'

export const say = (line = ''): void => void process.stdout.write(`${line}\n`)

/** What is under way, for whoever waits; not a part of the result. */
export const sayStep = (step: string): void => void process.stderr.write(`measuring ${step}\n`)

const row = (name: string, ...cells: string[]): void =>
  say(`${name.padEnd(34)}${cells.map((cell) => cell.padStart(17)).join('')}`)
const us = (value: number | undefined): string => (value === undefined ? 'not measured' : `${value.toFixed(1)} µs`)
const cost = (name: string, { perSecond, wallUs, nodeCpuUs, postgresCpuUs }: Cost, ...more: string[]): void =>
  row(name, `${perSecond.toFixed(1)} /s`, us(wallUs), us(nodeCpuUs), us(postgresCpuUs), ...more)

export type EndToEnd = {
  readonly intents: Throughput
  readonly latency: Latency
  readonly cycles: readonly HumanCycles[]
}
export type MemoryFigures = { readonly atRest: Memory; readonly afterLoad: Memory }

export const sayEndToEnd = ({ intents, latency, cycles }: EndToEnd, { atRest, afterLoad }: MemoryFigures): void => {
  say()
  say(
    `End to end over HTTP, the product as a process of its own, ${intents.seconds} s each; the bench's client shares the machine`,
  )
  row('', 'rate', 'wall each', 'product CPU', 'PostgreSQL CPU', 'transactions')
  cost(`intent → decision, ${intents.publishers} publishers`, intents, String(intents.transactions))
  for (const each of cycles) {
    cost(`whole human cycles, ${each.publishers} at once`, each, String(each.transactions))
  }
  say()
  row('intent → decision', 'rate', 'p50', 'p95', 'p99')
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  row('at 30 % of that rate', `${latency.perSecond} /s`, ms(latency.p50Ms), ms(latency.p95Ms), ms(latency.p99Ms))
  for (const { publishers, perSecond, verdictP50Ms, verdictP99Ms } of cycles) {
    row(`a yes → approved, ${publishers} cycles at once`, `${perSecond} /s`, ms(verdictP50Ms), '', ms(verdictP99Ms))
  }
  say()
  row('memory', 'at rest', 'after the load', 'at most')
  const mib = (value: number | undefined): string => (value === undefined ? 'not measured' : `${value} MiB`)
  row('product, resident', mib(atRest.productMiB), mib(afterLoad.productMiB), mib(afterLoad.productPeakMiB))
  row('PostgreSQL, shared pages once', mib(atRest.postgresMiB), mib(afterLoad.postgresMiB))
}

export const sayStages = (stages: Stages, intents: number): void => {
  say()
  say(`Stage by stage, one service at a time in this process, ${intents} intents`)
  row('', 'rate', 'wall each', 'Node CPU', 'PostgreSQL CPU')
  cost('intake, per intent, client incl.', stages.publishPerIntent)
  cost('relay and bus, per event', stages.relayAndBusPerEvent)
  cost('policy, per intent', stages.policyPerIntent)
  cost('ledger, per event', stages.ledgerPerEvent)
  cost('SIEM feed alone, per row', stages.siemFeedPerRow)
  cost('lineage, per event', stages.projectionPerEvent)
}

export const sayAppend = (append: Cost): void => {
  say()
  row('', 'rate', 'wall each', 'Node CPU', 'PostgreSQL CPU')
  cost('append to the store, per event', append)
}

const goalText = (goal: Goal): string =>
  goal === 'reported' ? 'no goal' : 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`
const verdictText = {
  met: 'PASS',
  'below target': 'below target',
  'above target': 'above target',
  reported: 'reported',
} as const

const figuresText = (figures: Figures): string => {
  if ('services' in figures) {
    const each = Object.entries(figures.services).map(([name, value]) => `${name} ${value}`)
    return each.join(', ')
  }
  if ('p99Ms' in figures) {
    const { p50Ms, p95Ms, p99Ms, perSecond } = figures
    return `p50 ${p50Ms.median}, p95 ${p95Ms.median}, p99 ${p99Ms.median} ms (${p99Ms.min} to ${p99Ms.max}) at ${perSecond} /s`
  }
  const { perSecond, perCpuSecond, cpuSeconds } = figures
  return `${perSecond.median} /s (${perSecond.min} to ${perSecond.max}), ${perCpuSecond.median} per CPU second, ${cpuSeconds.median} CPU s a round`
}

/** Both sides of each comparison with what they cost, and what was not run and why. */
export const sayTargets = (results: readonly TargetResult[]): void => {
  for (const result of results) {
    say()
    if ('notRun' in result) {
      say(`${result.id}  ${result.what}: not run: ${result.notRun}`)
      continue
    }
    const { id, what, goal, ratio, verdict, ours, yardstick } = result
    say(
      `${id}  ${what}: ${ratio.median} (${ratio.min} to ${ratio.max}), goal ${goalText(goal)}: ${verdictText[verdict]}`,
    )
    for (const side of yardstick === undefined ? [ours] : [ours, yardstick]) {
      say(`    ${side.what.padEnd(60)} ${figuresText(side)}`)
    }
  }
}
