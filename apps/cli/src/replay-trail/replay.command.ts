import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Option } from 'commander'
import { type Context, dataDirOption, examples, jsonOption, type Register, urlOption, wholeNumber } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { callsOf, type Deployment, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { count, plural, span } from '../print/words.ts'
import { kafkaClient, kafkaOf } from '../reach-kafka/kafka-client.ts'
import { type BusName, buses, findInstance } from '../start-instance/start-instance.ts'
import { type ReadLine, readRecords } from '../replay/read-records.ts'
import { attackSteps } from '../replay/stratus-steps.ts'
import { summarize } from '../replay/summarize.ts'
import { attackReport } from './attack-report.ts'
import { publishOnKafka } from './publish-on-kafka.ts'
import { publishTrail } from './publish-trail.ts'
import { attackLines, summaryLines } from './replay-lines.ts'
import type { ReplayedLine, ReplayProgress } from './replayed-line.ts'

type ReplayOptions = DeploymentOptions & {
  readonly sample?: boolean
  readonly limit?: number
  readonly concurrency: number
  readonly producer: string
  readonly bus?: BusName
  readonly start?: boolean
  readonly json?: boolean
}

/** The recorded attack exercise that comes with a clone. */
export const sampleTrail = fileURLToPath(
  new URL('../../../../test/fixtures/cloudtrail/stratus-2023-07-10.jsonl.gz', import.meta.url),
)

const patienceMs = 60_000

export const registerReplay: Register = (program, context, finish) => {
  program
    .command('replay')
    .summary('see what would have been allowed, denied and reviewed of an AWS CloudTrail')
    .description(
      'Publishes each record of a trail as the intent that it would have been, as producer replay in a tenant of its own: no\ncards are sent and nothing can be run. Prints what policy decided, by action and principal, and how many cards that would\nhave been. A record is published once, however often its trail is replayed.',
    )
    .argument('[file]', 'trail as JSON Lines or {"Records": […]}, gzip or not')
    .option('--sample', '2,900 records of a real attack exercise (Stratus Red Team), from test/fixtures')
    .option('--limit <number>', 'stop after so many records', wholeNumber)
    .option('--concurrency <number>', 'requests under way at a time', wholeNumber, 64)
    .option('--producer <name>', 'producer whose credentials publish', 'replay')
    .addOption(
      new Option(
        '--bus <driver>',
        "kafka publishes on the producer's own topic and reads its decisions there, instead of over HTTP",
      ).choices(buses),
    )
    .option('--start', 'start the instance here when it does not run, and stop it again')
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      `${examples('countersign replay --sample', 'countersign replay --sample --bus kafka', 'countersign replay ~/trail/2026-11-20.json.gz --limit 10000')}
Exit code: 0 every record is accounted for · 1 wrong use or broken · 3 some are still undecided.
`,
    )
    .action(async (file: string | undefined, options: ReplayOptions) => {
      finish(await withInstance(file, options, context))
    })
}

/** Replays against the deployment that is there, or against one that is started for it. */
const withInstance = async (file: string | undefined, options: ReplayOptions, context: Context): Promise<number> => {
  if (options.start !== true) return replay(file, options, context)
  const { env, signal, terminal } = context
  const onStep = terminal.progress
  const instance = await findInstance({ dataDir: options.dataDir, port: 7400, bus: options.bus, env, signal, onStep })
  terminal.progressDone()
  try {
    return await replay(file, { ...options, dataDir: instance.dataDir }, context)
  } finally {
    await instance.stop()
  }
}

const replay = async (
  file: string | undefined,
  options: ReplayOptions,
  { terminal, env, signal }: Context,
): Promise<number> => {
  if ((file === undefined) === (options.sample !== true)) {
    throw new Failure('say what to replay', { next: 'Either --sample or a FILE.' })
  }
  const path = file ?? sampleTrail
  if (!existsSync(path)) throw new Failure(`there is no file ${path}`)
  const deployment = await findDeployment(options, env)
  const began = performance.now()
  const how = {
    ...callsOf(deployment, deployment.producerToken(options.producer)),
    signal,
    concurrency: options.concurrency,
    patienceMs,
    onProgress: ({ read, published, decided }: ReplayProgress) =>
      terminal.progress(
        `${count(read)} read · ${count(published)} published · ${count(decided)} decided · ${span(performance.now() - began)}`,
      ),
  }
  const records = take(readRecords(path), options.limit)
  const lines =
    options.bus === 'kafka'
      ? await publishOnKafka(records, { ...how, ...(await producerOn(deployment, options.producer)) })
      : await publishTrail(records, how)
  terminal.progressDone()
  const decided = lines.filter((line) => line.kind === 'decided')
  const summary = summarize(decided)
  const steps = options.sample === true && options.limit === undefined ? attackReport(attackSteps, decided) : []
  const others = lines.filter((line) => line.kind !== 'decided')
  if (options.json === true) {
    terminal.out(JSON.stringify({ records: lines.length, summary, steps, others }, null, 2))
  } else {
    terminal.out(
      `${plural(lines.length, 'record')} of ${basename(path)}, ${count(decided.length)} decided in ${span(performance.now() - began)}`,
    )
    for (const text of [...otherLines(others), '', ...summaryLines(summary)]) terminal.out(text)
    if (steps.length > 0) for (const text of ['', ...attackLines(steps)]) terminal.out(text)
  }
  if (steps.some(({ stopped }) => !stopped)) return exitCodes.failed
  return others.some(({ kind }) => kind === 'undecided') ? exitCodes.pending : exitCodes.ok
}

/** The producer on the Kafka of the deployment, under its own principal. */
const producerOn = async ({ credentials }: Deployment, producer: string) => {
  if (credentials === undefined) {
    throw new Failure('it is not known how Kafka is reached', {
      next: '--data-dir names the data folder of the instance.',
    })
  }
  return { producer, kafka: await kafkaClient(kafkaOf(credentials), producer) }
}

/** Lines that have no decision, by reason; each of them is named. */
const otherLines = (others: readonly Exclude<ReplayedLine, { kind: 'decided' }>[]): string[] => {
  const words = { refused: 'refused', not_read: 'not read', undecided: 'undecided' } as const
  const reasons = Map.groupBy(others, (line) => `${words[line.kind]}${'code' in line ? `: ${line.code}` : ''}`)
  return [...reasons].map(([reason, lines]) => {
    const places = lines.slice(0, 5).map(({ line }) => line)
    return `  ${count(lines.length)} ${reason}, line ${places.join(', ')}${lines.length > 5 ? ', …' : ''}`
  })
}

async function* take(lines: AsyncIterable<ReadLine>, most: number | undefined): AsyncGenerator<ReadLine> {
  let taken = 0
  if (most === 0) return
  for await (const line of lines) {
    yield line
    taken += 1
    if (taken === most) return
  }
}
