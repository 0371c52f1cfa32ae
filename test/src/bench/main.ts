import { readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRunning } from '../running.ts'
import { measureHumanCycles, measureLatency, measureThroughput } from './end-to-end.ts'
import { measureLedger } from './ledger-beside-copy.ts'
import { type Cost, cpuMsOf, cpuMsOfServer, memoryOf } from './measure.ts'
import { openStore } from './opened-store.ts'
import { measureStages } from './stages.ts'

const { values: options } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
})
const scale = options.quick
  ? { seconds: 4, publishers: 32, reviewers: 8, intents: 1_000, rounds: 5, rowsPerRound: 4_096 }
  : { seconds: 20, publishers: 32, reviewers: 8, intents: 10_000, rounds: 9, rowsPerRound: 10_240 }

const say = (line = ''): void => void process.stdout.write(`${line}\n`)
const row = (name: string, ...cells: string[]): void =>
  say(`${name.padEnd(34)}${cells.map((cell) => cell.padStart(17)).join('')}`)
const us = (value: number | undefined): string => (value === undefined ? 'not measured' : `${value.toFixed(1)} µs`)
const cost = (name: string, { perSecond, wallUs, nodeCpuUs, postgresCpuUs }: Cost, ...more: string[]): void =>
  row(name, `${perSecond.toFixed(1)} /s`, us(wallUs), us(nodeCpuUs), us(postgresCpuUs), ...more)

const serverPidOf = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0])

const run = async (): Promise<object> => {
  const startedAt = new Date().toISOString()
  const running = await startRunning()
  const { dataDir, tenantId, credentials, mint } = running
  try {
    const [product, server] = [running.process.pid, await serverPidOf(dataDir)]
    const clocks = { node: () => cpuMsOf(product), postgres: () => cpuMsOfServer(server) }
    const atRest = await memoryOf(product, server)
    const load = { running, clocks, seconds: scale.seconds }

    say(
      `End to end over HTTP, the product as a process of its own, ${scale.seconds} s each; the bench's client shares the machine`,
    )
    row('', 'rate', 'wall each', 'product CPU', 'PostgreSQL CPU', 'transactions')
    const intents = await measureThroughput(load, scale.publishers)
    cost(`intent → decision, ${intents.publishers} publishers`, intents, String(intents.transactions))
    const latency = await measureLatency(load, intents.perSecond * 0.3)
    const cycles = await measureHumanCycles(load, scale.reviewers)
    cost(`whole human cycles, ${cycles.publishers} at once`, cycles, String(cycles.transactions))
    say()
    row('intent → decision', 'rate', 'p50', 'p95', 'p99')
    const ms = (value: number): string => `${value.toFixed(1)} ms`
    row('at 30 % of that rate', `${latency.perSecond} /s`, ms(latency.p50Ms), ms(latency.p95Ms), ms(latency.p99Ms))
    const afterLoad = await memoryOf(product, server)
    say()
    row('memory', 'at rest', 'after the load', 'at most')
    const mib = (value: number | undefined): string => (value === undefined ? 'not measured' : `${value} MiB`)
    row('product, resident', mib(atRest.productMiB), mib(afterLoad.productMiB), mib(afterLoad.productPeakMiB))
    row('PostgreSQL, shared pages once', mib(atRest.postgresMiB), mib(afterLoad.postgresMiB))
    await running.halt()

    const store = await openStore(dataDir, tenantId)
    try {
      say()
      say(`Stage by stage, one service at a time in this process, ${scale.intents} intents`)
      row('', 'rate', 'wall each', 'Node CPU', 'PostgreSQL CPU')
      const stages = await measureStages({ store, credentials, mint, dataDir, intents: scale.intents })
      cost('intake, per intent, client incl.', stages.publishPerIntent)
      cost('relay and bus, per event', stages.relayAndBusPerEvent)
      cost('policy, per intent', stages.policyPerIntent)
      cost('ledger, per event', stages.ledgerPerEvent)
      cost('lineage, per event', stages.projectionPerEvent)
      const ledger = await measureLedger({ store, dataDir, rounds: scale.rounds, rowsPerRound: scale.rowsPerRound })
      cost('append to the store, per event', ledger.append)
      say()
      say(
        `T4, commits of ${ledger.rowsPerCommit} rows of ${ledger.leafBytes} bytes, ${scale.rounds} interleaved rounds of ${ledger.rowsPerRound}`,
      )
      row('', 'median', 'least', 'most')
      const spread = (name: string, { median, min, max }: { median: number; min: number; max: number }): void =>
        row(name, String(median), String(min), String(max))
      spread('ledger append, rows/s', ledger.ledger)
      spread('raw COPY BINARY, rows/s', ledger.rawCopyBinary)
      spread('ledger ÷ raw', ledger.ratio)
      const [cpu] = cpus()
      return {
        startedAt,
        quick: options.quick,
        machine: {
          platform: `${platform()} ${release()}`,
          cpu: cpu?.model ?? 'unknown',
          cpus: cpus().length,
          memoryMiB: Math.round(totalmem() / 1024 / 1024),
          node: process.versions.node,
          postgres: store.version,
        },
        endToEnd: { intents, latency, cycles },
        memory: { atRest, afterLoad },
        stages,
        ledgerBesideCopy: ledger,
      }
    } finally {
      await store.close()
    }
  } finally {
    await running.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

const result = await run()
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`)
