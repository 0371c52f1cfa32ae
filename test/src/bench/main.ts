import { writeFile } from 'node:fs/promises'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { type CommandLine, type Part, readCommandLine, usage, WrongUse } from './command-line.ts'
import { measureEmbedded } from './embedded.ts'
import { openBroker, whyNoBroker, whyNoSecuredBroker } from './kafka/bench-broker.ts'
import { measurePublishing } from './kafka/publishing.ts'
import { measureTransport } from './kafka/transport.ts'
import { measureOnKafka } from './services/on-kafka.ts'
import { say, sayStep, sayTargets } from './report.ts'
import { type Scale, scales } from './scale.ts'
import { notRun, type TargetId, targetIds, type TargetResult } from './targets.ts'

const embeddedParts: readonly Part[] = ['end-to-end', 'stages', 'T4', 'T5', 'deadlines']
const busTargets: readonly TargetId[] = ['T1', 'T2', 'T3']
const serviceTargets: readonly TargetId[] = [
  'T6',
  'T7',
  'T8',
  'T9',
  'T11-CPU',
  'T11-memory',
  'restart',
  'failover',
  'first',
  'cycles',
]

const machine = () => ({
  platform: `${platform()} ${release()}`,
  cpu: cpus()[0]?.model ?? 'unknown',
  cpus: cpus().length,
  memoryMiB: Math.round(totalmem() / 1024 / 1024),
  node: process.versions.node,
  /** Of the last minute before: whatever else ran on the machine. */
  loadAverage: loadavg()[0],
})

const onBareBroker = async (wanted: ReadonlySet<Part>, scale: Scale): Promise<readonly TargetResult[]> => {
  sayStep('the bus on a broker')
  const broker = await openBroker()
  const { rounds, records, sendingSeconds } = scale
  try {
    const results: TargetResult[] = []
    if (wanted.has('T1') || wanted.has('T2')) results.push(...(await measureTransport(broker, { rounds, records })))
    if (wanted.has('T3'))
      results.push(...(await measurePublishing(broker, { rounds, secondsPerRound: sendingSeconds })))
    return results
  } finally {
    await broker.close()
  }
}

/** Everything that needs Kafka. The services need a broker of their own kind, secured, whatever `KAFKA_BROKERS` says. */
const onKafka = async (wanted: ReadonlySet<Part>, scale: Scale): Promise<readonly TargetResult[]> => {
  const results: TargetResult[] = []
  const parts = [
    { ids: busTargets, reason: await whyNoBroker(), measure: onBareBroker },
    { ids: serviceTargets, reason: await whyNoSecuredBroker(), measure: measureOnKafka },
  ]
  for (const { ids, reason, measure } of parts) {
    const asked = ids.filter((id) => wanted.has(id))
    if (asked.length === 0) continue
    if (reason === undefined) results.push(...(await measure(wanted, scale)))
    else {
      say()
      say(`KAFKA IS LEFT OUT of ${asked.join(', ')}: ${reason}`)
      results.push(...asked.map((id) => notRun(id, reason)))
    }
  }
  return results
}

// Whoever breaks off the bench leaves no broker, database or service behind: those end with this process's exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const commandLine = (): CommandLine => {
  try {
    return readCommandLine(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof WrongUse)) throw error
    process.stderr.write(`${error.message.replaceAll('\n', ' ')}\n`)
    process.exit(2)
  }
}

const { help, quick, json, wanted } = commandLine()
if (help) say(usage())
else {
  const scale = scales[quick ? 'quick' : 'full']
  const before = { startedAt: new Date().toISOString(), quick, machine: machine() }
  const targets: TargetResult[] = []
  targets.push(...(await onKafka(wanted, scale)))
  const embedded = embeddedParts.some((part) => wanted.has(part)) ? await measureEmbedded(wanted, scale) : undefined
  const { ledger, deadlines, ...others } = embedded ?? {}
  targets.push(...(ledger?.targets ?? []), ...(deadlines === undefined ? [] : [deadlines]))
  const known = new Map(targets.map((target) => [target.id, target]))
  const results = targetIds.map(
    (id) => known.get(id) ?? notRun(id, quick ? 'not a part of --quick' : 'it was not asked for'),
  )
  sayTargets(results)
  if (json !== undefined) {
    const figures = { ...before, ...others, append: ledger?.append, leafBytes: ledger?.leafBytes, targets: results }
    await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`)
  }
}
