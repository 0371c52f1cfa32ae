import { writeFile } from 'node:fs/promises'
import {
  type Cast,
  type Guarantee,
  guarantees,
  junitOf,
  type Result,
  runGuarantees,
  trialPolicies,
} from '@countersign/conformance'
import { type Context, dataDirOption, examples, jsonOption, type Register, urlOption, wholeNumber } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { table } from '../print/table.ts'
import { plain, span } from '../print/words.ts'
import { startFreshInstance } from '../start-instance/start-instance.ts'
import type { Paint, Terminal } from '../terminal.ts'
import { guaranteesNamed } from './guarantees-named.ts'
import { openCast } from './open-cast.ts'
import { castAt } from './cast-at.ts'
import { type GateAdapter, loadAdapter } from './load-adapter.ts'
import { readCast } from './read-cast.ts'

type SelfTestOptions = {
  readonly only?: string
  readonly withDeadlines?: boolean
  readonly url?: string
  readonly cast?: string
  readonly adapter?: string
  readonly dataDir?: string
  readonly junit?: string
  readonly json?: boolean
  readonly port: number
}

export const registerSelfTest: Register = (program, context, finish) => {
  program
    .command('self-test')
    .summary('prove the guarantees on this machine')
    .description(
      'Proves every guarantee over the public interface and prints what was seen. PASS is proven, FAIL disproven, INCOMPLETE\nneither: missing evidence never passes. Starts an instance in a folder of its own, which is removed; or, with --url,\nasks a deployment in a tenant that you can throw away, whose policy set is the one of @countersign/conformance: people\nare registered in it, and something is frozen and thawed.\nExit code 0 only if every guarantee passed.',
    )
    .option('--only <ids>', 'only these, such as G07 or G07,G12')
    .option('--with-deadlines', 'also those that wait half a minute for a deadline')
    .option(
      '--cast <file>',
      'who takes part at --url: bearer tokens by role, as JSON; else people of its own identity provider',
    )
    .option('--adapter <file>', 'module that speaks with another product at --url')
    .option('--junit <file>', 'write a JUnit report')
    .option('--port <number>', 'first port to try for the instance', wholeNumber, 7600)
    .addOption(urlOption())
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'npm run self-test',
        'countersign self-test --only G07 --json',
        'countersign self-test --with-deadlines --junit self-test.xml',
        'countersign self-test --url http://127.0.0.1:7400 --data-dir .self-test',
        'countersign self-test --url https://gate.example --adapter gate.mjs --cast cast.json',
        'countersign explain G07',
      ),
    )
    .action(async (options: SelfTestOptions) => {
      finish(await selfTest(options, context))
    })
}

const selfTest = async (options: SelfTestOptions, { terminal, env, signal }: Context): Promise<number> => {
  const wanted = guaranteesNamed(options.only).filter(
    ({ waitsForDeadline = false }) => !waitsForDeadline || options.withDeadlines === true || options.only !== undefined,
  )
  const { port, url } = options
  if (url === undefined && (options.cast !== undefined || options.adapter !== undefined))
    throw new Failure('--cast and --adapter are about a deployment', { next: 'Say which with --url.' })
  const adapter = await loadAdapter(options.adapter)
  if (url !== undefined) {
    const cast =
      options.cast === undefined ? await castAt(url, dataDirOf(options, env), signal) : await readCast(options.cast)
    return prove({ baseUrl: url, adapter, cast, wanted, startedInMs: undefined }, options, terminal, signal)
  }
  const instance = await startFreshInstance(
    { dataDir: undefined, port, env, signal, onStep: terminal.progress },
    { policies: trialPolicies },
  )
  terminal.progressDone()
  try {
    const cast = await openCast(instance, signal)
    const { credentials, startedInMs } = instance
    return await prove({ baseUrl: credentials.baseUrl, adapter, cast, wanted, startedInMs }, options, terminal, signal)
  } finally {
    await instance.stop()
  }
}

const dataDirOf = ({ dataDir }: SelfTestOptions, env: Context['env']): string =>
  dataDir ?? env['COUNTERSIGN_DATA_DIR'] ?? '.countersign'

type Trial = {
  readonly baseUrl: string
  readonly adapter: GateAdapter
  readonly cast: Cast
  readonly wanted: readonly Guarantee[]
  readonly startedInMs: number | undefined
}

const prove = async (
  { baseUrl, adapter, cast, wanted, startedInMs }: Trial,
  { json = false, junit }: SelfTestOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> => {
  const began = performance.now()
  const gate = await adapter({ url: baseUrl, cast })
  const results = await runGuarantees({
    gate,
    cast,
    guarantees: wanted,
    signal,
    onResult: ({ id, verdict }) => terminal.progress(`${id} ${verdict}`),
  })
  terminal.progressDone()
  const ms = performance.now() - began
  if (junit !== undefined) await writeFile(junit, junitOf(results))
  const notRun = guarantees.filter(({ id }) => !wanted.some((one) => one.id === id)).map(({ id }) => id)
  if (json) terminal.out(JSON.stringify({ ms: Math.round(ms), results, notRun }, null, 2))
  else for (const line of linesOf(results, terminal)) terminal.out(line)
  if (!json)
    terminal.out(`${summaryOf(results, ms, startedInMs)}${notRun.length === 0 ? '' : ` · not run: ${fewOf(notRun)}`}`)
  return results.length > 0 && results.every(({ verdict }) => verdict === 'PASS') ? exitCodes.ok : exitCodes.failed
}

const colours: Readonly<Record<Result['verdict'], Paint>> = { PASS: 'green', FAIL: 'red', INCOMPLETE: 'yellow' }

const linesOf = (results: readonly Result[], { paint }: Terminal): string[] =>
  table(
    [
      { title: '' },
      { title: 'guarantee' },
      { title: 'result' },
      { title: 'ms', align: 'right' },
      { title: 'what was seen' },
    ],
    results.map(({ id, title, verdict, told, ms }) => [
      id,
      title,
      paint(colours[verdict], verdict),
      String(ms),
      plain(told),
    ]),
  )

const summaryOf = (results: readonly Result[], ms: number, startedInMs: number | undefined): string => {
  const counted = (verdict: Result['verdict']): string =>
    `${results.filter((result) => result.verdict === verdict).length} ${verdict}`
  const started = startedInMs === undefined ? '' : ` · instance ready in ${span(startedInMs)}`
  return `${counted('PASS')}, ${counted('FAIL')}, ${counted('INCOMPLETE')} in ${span(ms)}${started}`
}

const fewOf = (ids: readonly string[]): string =>
  ids.length <= 5 ? ids.join(', ') : `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more`
