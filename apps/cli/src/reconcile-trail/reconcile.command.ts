import type { Http } from '@countersign/client'
import { Option } from 'commander'
import {
  asOption,
  type Context,
  dataDirOption,
  duration,
  examples,
  jsonOption,
  type Register,
  urlOption,
} from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import type { Terminal } from '../terminal.ts'
import { knownFrom } from './approved-run.ts'
import { readBrokerLog } from './broker-refusals.ts'
import { linesOfRefusals, recordBrokerRefusals } from './record-broker-refusals.ts'
import { cloudTrailCalls } from './cloudtrail-calls.ts'
import { compareRuns } from './compare-runs.ts'
import { compareVerdicts } from './compare-verdicts.ts'
import { linesOfRuns, linesOfVerdicts } from './finding-lines.ts'
import { pgauditCalls } from './pgaudit-calls.ts'
import { readPrincipals } from './read-principals.ts'
import { readRows } from './read-rows.ts'
import type { TrailCall, TrailLine } from './trail-call.ts'

/** Trails that can be read, and whose targets they know of. */
const trails = {
  cloudtrail: {
    read: cloudTrailCalls,
    covers: (target: string) => target.startsWith('arn:') || /^[a-z0-9.-]+:[a-z]+-[a-z0-9-]+(:|$)/.test(target),
  },
  pgaudit: { read: pgauditCalls, covers: (target: string) => target.startsWith('postgres://') },
} as const
type TrailKind = keyof typeof trails | 'kafka'

type ReconcileOptions = DeploymentOptions & {
  readonly trail: TrailKind
  readonly principals?: string
  readonly tolerance: number
  readonly withReads?: boolean
  readonly identity?: boolean
  readonly as?: string
  readonly json?: boolean
}

export const registerReconcile: Register = (program, context, finish) => {
  program
    .command('reconcile')
    .summary("compare a system's own audit trail with what was approved")
    .description(
      'Reads audit trails and the audit rows of the deployment, and lists what ran without approval, what was approved and\nnever ran, what ran differently, and who acted without being registered as an agent. With --identity it holds each verdict\nagainst the directory as it was at that moment. With --trail kafka it records what the broker refused to principals, each\nattempt once; that takes an operator. Exit code 0 when nothing was found, 30 when something was.',
    )
    .argument(
      '[files...]',
      'trails: CloudTrail (JSON Lines or Records, gzip too), PostgreSQL logs of pgaudit, or logs of a Kafka broker',
    )
    .addOption(
      new Option('--trail <kind>', 'whose trail it is')
        .choices([...Object.keys(trails), 'kafka'])
        .default('cloudtrail'),
    )
    .option('--principals <file>', 'JSON object: name in the trail to name of the agent')
    .option('--tolerance <duration>', 'how far clocks may be apart', duration, 2_000)
    .option('--with-reads', 'reads without an approval are findings too')
    .option('--identity', "hold each verdict's person, account and groups against the directory of that moment")
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      examples(
        'countersign reconcile --as ben trail.jsonl.gz',
        'countersign reconcile --as ben --trail pgaudit --principals names.json postgresql.csv',
        'countersign reconcile --as ben --trail kafka .countersign/kafka/broker.log',
        'countersign reconcile --as ben --identity',
      ),
    )
    .action(async (files: string[], options: ReconcileOptions) => {
      finish(await reconcile(files, options, context))
    })
}

const reconcile = async (
  files: readonly string[],
  options: ReconcileOptions,
  { terminal, env, signal }: Context,
): Promise<number> => {
  if ((files.length === 0) !== (options.identity === true)) {
    throw new Failure('name a trail, or ask for --identity', { next: 'countersign reconcile --help shows both.' })
  }
  const principals = await readPrincipals(options.principals)
  const deployment = await findDeployment(options, env)
  const { call } = callsOf(deployment, deployment.personToken(options.as))
  if (options.trail === 'kafka' && options.identity !== true) {
    return reconcileBroker(files, options, { terminal, call, signal })
  }
  const rows = await readRows(call, signal)
  if (options.identity === true) {
    const compared = compareVerdicts(rows)
    print(terminal, options, compared, linesOfVerdicts(compared))
    return compared.findings.length === 0 ? exitCodes.ok : exitCodes.diverged
  }
  const { read, covers } = trails[options.trail === 'pgaudit' ? 'pgaudit' : 'cloudtrail']
  const trail = await readAll(files, read)
  const { tolerance: toleranceMs, withReads = false } = options
  const compared = compareRuns(trail.calls, knownFrom(rows), { principals, toleranceMs, withReads, covers })
  const counted = { calls: trail.calls.length, skipped: trail.skipped, quarantined: trail.quarantined }
  print(terminal, options, { ...counted, ...compared }, linesOfRuns(compared, counted))
  // What could not be read may be anything.
  return compared.findings.length + trail.quarantined.length === 0 ? exitCodes.ok : exitCodes.diverged
}

const reconcileBroker = async (
  files: readonly string[],
  options: ReconcileOptions,
  { terminal, call, signal }: Pick<Context, 'terminal' | 'signal'> & { readonly call: Http },
): Promise<number> => {
  const log = await readBrokerLog(files, Date.now()).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('the log or its mark cannot be read', {
      why: `${error.code ?? String(error)} ${error.path ?? ''}`,
      next: 'broker.log.mark lies beside broker.log; without it nobody can tell which lines are the broker’s.',
    })
  })
  const refusals = await recordBrokerRefusals(call, log.refusals, signal)
  print(terminal, options, { refusals, quarantined: log.quarantined }, linesOfRefusals(refusals, log))
  return refusals.length + log.quarantined.length === 0 ? exitCodes.ok : exitCodes.diverged
}

type ReadTrail = {
  readonly calls: readonly TrailCall[]
  readonly skipped: number
  readonly quarantined: readonly { readonly reason: string; readonly place: string }[]
}

const readAll = async (
  files: readonly string[],
  read: (path: string) => AsyncIterable<TrailLine>,
): Promise<ReadTrail> => {
  const calls: TrailCall[] = []
  const quarantined: { reason: string; place: string }[] = []
  let skipped = 0
  for (const file of files) {
    try {
      for await (const line of read(file)) {
        if ('call' in line) calls.push(line.call)
        else if ('skipped' in line) skipped += 1
        else quarantined.push({ reason: line.quarantined, place: line.place })
      }
    } catch (error) {
      throw new Failure(`${file} cannot be read`, { why: (error as NodeJS.ErrnoException).code ?? String(error) })
    }
  }
  return { calls, skipped, quarantined }
}

const print = (
  terminal: Terminal,
  { json = false }: ReconcileOptions,
  result: object,
  lines: readonly string[],
): void => {
  if (json) terminal.out(JSON.stringify(result, null, 2))
  else for (const line of lines) terminal.out(line)
}
