import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Option } from 'commander'
import { type Context, dataDirOption, examples, type Register, wholeNumber } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { findDeployment } from '../find-deployment/deployment.ts'
import { span } from '../print/words.ts'
import type { Terminal } from '../terminal.ts'
import {
  type BusName,
  buses,
  findInstance,
  type Instance,
  startTracedInstance,
} from '../start-instance/start-instance.ts'
import { kafkaOf } from '../reach-kafka/kafka-client.ts'
import { checkFaults } from './check-faults.ts'
import { countTopics, settledLags, topicLines } from './count-topics.ts'
import { type Fault, faultNames, isFault } from './faults.ts'
import { playDemo } from './play-demo.ts'
import { spansOf, traceTree } from './trace-tree.ts'

type DemoOptions = {
  readonly dataDir?: string
  readonly port: number
  readonly bus?: BusName
  readonly trace?: boolean
  readonly fault?: string
  readonly everyFault?: boolean
}

export const registerDemo: Register = (program, context, finish) => {
  program
    .command('demo')
    .summary('see the whole path in half a minute')
    .description(
      "Plays the whole path over public HTTP: a read is allowed, a deletion denied, an export waits for a human; the agent's\nowner may not approve, a second person does; the grant is used once, for exactly that. Then the evidence, and an attack on\nit, which is undone. Uses the instance that runs here, or starts it and stops it again. Exit code 0 only if all of it\nhappened.",
    )
    .option('--port <number>', 'first port to try when it has to be started', wholeNumber, 7400)
    .addOption(
      new Option(
        '--bus <driver>',
        'bus of the services: postgres in one process, kafka as processes (starts a broker too, needs Java and Maven)',
      ).choices(buses),
    )
    .option('--trace', 'print the trace of the export, from intent to ledger; in an instance of its own')
    .addOption(new Option('--fault <name>', 'make something go wrong, so that the demo has to fail').hideHelp())
    .addOption(new Option('--every-fault', 'check that the demo fails with each fault').hideHelp())
    .addOption(dataDirOption())
    .addHelpText(
      'after',
      examples(
        'npm run demo',
        'npm run demo -- --bus kafka',
        'npm run demo -- --trace',
        'countersign demo --data-dir /tmp/try',
      ),
    )
    .action(async (options: DemoOptions) => {
      finish(await demo(options, context))
    })
}

const demo = async (options: DemoOptions, { terminal, env, signal }: Context): Promise<number> => {
  const { dataDir, port, bus, fault } = options
  if (fault !== undefined && !isFault(fault)) {
    throw new Failure(`there is no fault ${fault}`, { next: faultNames.join(', ') })
  }
  const began = performance.now()
  const start = options.trace === true ? startTracedInstance : findInstance
  const instance = await start({ dataDir, port, bus, env, signal, onStep: terminal.progress })
  terminal.progressDone()
  try {
    const { credentials, startedInMs } = instance
    const kafka = bus === 'kafka' ? kafkaOf(credentials) : undefined
    const before = kafka === undefined ? undefined : await countTopics(kafka)
    const deployment = await findDeployment({ dataDir: instance.dataDir, url: credentials.baseUrl }, {})
    const play = (seeded: Fault | undefined, on: Terminal): Promise<{ traceId: string }> =>
      playDemo({ deployment, credentials, terminal: on, signal, fault: seeded }, startedInMs)
    if (options.everyFault === true) {
      const quiet = { ...terminal, out: () => undefined }
      const good = await checkFaults((seeded) => play(seeded, quiet).then(() => undefined), terminal)
      return good ? exitCodes.ok : exitCodes.failed
    }
    const { traceId } = await play(fault, terminal)
    if (instance.tracesFile !== undefined) {
      for (const line of await readTrace(instance.tracesFile, traceId)) terminal.out(line)
    }
    if (kafka !== undefined && before !== undefined) {
      const lags = await settledLags(kafka, signal)
      for (const line of ['', ...topicLines(before, await countTopics(kafka), lags), '']) terminal.out(line)
    }
    terminal.out(footer(instance, performance.now() - began))
    return exitCodes.ok
  } finally {
    await instance.stop()
  }
}

const footer = ({ startedInMs, credentials }: Instance, ms: number): string =>
  startedInMs === undefined
    ? `${span(ms)} · the card: ${credentials.slackUrl} · your own trail: npx countersign replay FILE`
    : `${span(ms)} · next: npm ${credentials.kafka === undefined ? 'start' : 'run services'} · a real attack: npx countersign replay --sample · your own trail: npx countersign replay FILE`

const lastSpanMs = 3_000

/** The tree of a trace, once the ledger's span is in it. */
const readTrace = async (file: string, traceId: string): Promise<string[]> => {
  const until = performance.now() + lastSpanMs
  for (;;) {
    const spans = spansOf(await readFile(file, 'utf8').catch(() => ''), traceId)
    const isWhole = spans.some(({ name }) => name.startsWith('ledger.'))
    if (isWhole) return ['', `trace ${traceId}`, ...traceTree(spans)]
    if (performance.now() >= until) {
      throw new Failure('the trace does not reach the ledger', { why: `${spans.length} spans of it were found` })
    }
    await delay(100)
  }
}
