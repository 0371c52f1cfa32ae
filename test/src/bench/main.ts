import { writeFile } from 'node:fs/promises'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { type Part, readCommandLine, usage } from './command-line.ts'
import { measureEmbedded } from './embedded.ts'
import { openBroker, whyNoBroker } from './kafka/bench-broker.ts'
import { measurePublishing } from './kafka/publishing.ts'
import { measureTransport } from './kafka/transport.ts'
import { say, sayTargets } from './report.ts'
import { type Scale, scales } from './scale.ts'
import { notRun, type TargetId, targetIds, type TargetResult } from './targets.ts'

const embeddedParts: readonly Part[] = ['end-to-end', 'stages', 'T4', 'T5']
const kafkaTargets: readonly TargetId[] = ['T1', 'T2', 'T3']

const machine = () => ({
  platform: `${platform()} ${release()}`,
  cpu: cpus()[0]?.model ?? 'unknown',
  cpus: cpus().length,
  memoryMiB: Math.round(totalmem() / 1024 / 1024),
  node: process.versions.node,
  /** Of the last minute before: whatever else ran on the machine. */
  loadAverage: loadavg()[0],
})

const onKafka = async (wanted: ReadonlySet<Part>, scale: Scale): Promise<readonly TargetResult[]> => {
  const reason = await whyNoBroker()
  if (reason !== undefined) {
    say()
    say(`KAFKA IS LEFT OUT: ${reason}`)
    return kafkaTargets.filter((id) => wanted.has(id)).map((id) => notRun(id, reason))
  }
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

const { help, quick, json, wanted } = readCommandLine(process.argv.slice(2))
if (help) say(usage())
else {
  const scale = scales[quick ? 'quick' : 'full']
  const before = { startedAt: new Date().toISOString(), quick, machine: machine() }
  const targets: TargetResult[] = []
  if (kafkaTargets.some((id) => wanted.has(id))) targets.push(...(await onKafka(wanted, scale)))
  const embedded = embeddedParts.some((part) => wanted.has(part)) ? await measureEmbedded(wanted, scale) : undefined
  const { ledger, ...others } = embedded ?? {}
  targets.push(...(ledger?.targets ?? []))
  const known = new Map(targets.map((target) => [target.id, target]))
  const results = targetIds.map((id) => known.get(id) ?? notRun(id, 'it was not asked for'))
  sayTargets(results)
  if (json !== undefined) {
    const figures = { ...before, ...others, append: ledger?.append, leafBytes: ledger?.leafBytes, targets: results }
    await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`)
  }
}
