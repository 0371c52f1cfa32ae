import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Running, startRunning } from '../running.ts'
import { readIntent } from '../stories.ts'
import type { Part } from './command-line.ts'
import { measureDeadlines } from './deadlines.ts'
import { type HumanCycles, measureHumanCycles, measureLatency, measureThroughput } from './end-to-end.ts'
import { type LedgerFigures, measureLedger } from './ledger/beside-yardsticks.ts'
import { cpuMsOf, cpuMsOfServer, memoryOf } from './measure.ts'
import { openStore } from './opened-store.ts'
import { type EndToEnd, type MemoryFigures, sayAppend, sayEndToEnd, sayStages, sayStep } from './report.ts'
import type { Scale } from './scale.ts'
import { measureStages, type Stages } from './stages.ts'
import type { Measured } from './targets.ts'

export type EmbeddedFigures = {
  readonly postgres: string
  readonly endToEnd?: EndToEnd
  readonly memory?: MemoryFigures
  readonly stages?: Stages
  readonly ledger?: LedgerFigures
  readonly deadlines?: Measured
}

const serverPidOf = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0])

const measureEndToEnd = async (
  running: Running,
  scale: Scale,
): Promise<{ endToEnd: EndToEnd; memory: MemoryFigures }> => {
  const [product, server] = [running.process.pid, await serverPidOf(running.dataDir)]
  const clocks = { node: () => cpuMsOf(product), postgres: () => cpuMsOfServer(server) }
  const atRest = await memoryOf(product, server)
  const load = { running, clocks, seconds: scale.seconds }
  const intents = await measureThroughput(load, scale.publishers)
  const latency = await measureLatency(load, intents.perSecond * 0.3)
  const cycles: HumanCycles[] = []
  for (const reviewers of scale.reviewers) cycles.push(await measureHumanCycles(load, reviewers))
  const memory = { atRest, afterLoad: await memoryOf(product, server) }
  return { endToEnd: { intents, latency, cycles }, memory }
}

/** What is measured on the embedded default: the product as one process, then its stages and its ledger on the data it left. */
export const measureEmbedded = async (wanted: ReadonlySet<Part>, scale: Scale): Promise<EmbeddedFigures> => {
  sayStep('the embedded default')
  const running = await startRunning({ bus: 'postgres' })
  const { dataDir, tenantId, credentials, mint } = running
  try {
    const figures: { -readonly [Name in keyof EmbeddedFigures]: EmbeddedFigures[Name] } = { postgres: '' }
    // The ledger's events are made like one that the product has published.
    await running.client.publish(readIntent())
    if (wanted.has('end-to-end')) {
      const { endToEnd, memory } = await measureEndToEnd(running, scale)
      sayEndToEnd(endToEnd, memory)
      Object.assign(figures, { endToEnd, memory })
    }
    await running.halt()
    const store = await openStore(dataDir, tenantId)
    try {
      figures.postgres = store.version
      if (wanted.has('stages')) {
        figures.stages = await measureStages({ store, credentials, mint, dataDir, intents: scale.intents })
        sayStages(figures.stages, scale.intents)
      }
      if (wanted.has('T4') || wanted.has('T5')) {
        figures.ledger = await measureLedger(store, { dataDir, rounds: scale.rounds, rowsPerRound: scale.rowsPerRound })
        sayAppend(figures.ledger.append)
      }
      if (wanted.has('deadlines'))
        figures.deadlines = await measureDeadlines(store, { dataDir, credentials, rounds: scale.rounds })
    } finally {
      await store.close()
    }
    return figures
  } finally {
    await running.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
