import { randomUUID } from 'node:crypto'
import type { IntentView } from '@countersign/contracts'
import type { Command } from 'commander'
import { type Context, dataDirOption, duration, examples, urlOption, type Register } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { type CertificateOptions, certificateOptions } from '../find-deployment/client-certificate.ts'
import { callsOf, findDeployment } from '../find-deployment/deployment.ts'
import { standing } from '../print/intent.ts'
import { shortDigest, span } from '../print/words.ts'
import { chosenEnvironment, commandParameters, environmentNames } from './command-parameters.ts'
import { isCommandThere } from './find-command.ts'
import { runChild } from './run-child.ts'

type ExecOptions = CertificateOptions & {
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly agent?: string
  readonly rationale?: string
  readonly deadline?: number
  readonly wait?: number
  readonly env: readonly string[]
  readonly idempotencyKey?: string
  readonly dataDir?: string
  readonly url?: string
}

const collectNames = (name: string, names: readonly string[]): readonly string[] => [...names, name]

export const registerExec: Register = (program, context, finish) => {
  const exec = program
    .command('exec')
    .summary('run a command once it is allowed or approved')
    .description(
      'Publishes the command as an intent, waits for the decision, collects and uses the grant, checks the receipt, runs the\ncommand and reports how it ended. Nothing runs without a receipt. The digest that is approved covers the command line,\nthe folder and the names of the environment variables that the command gets.',
    )
    .requiredOption('--action <name>', 'what the command does, such as data.export')
    .requiredOption('--target <name>', 'what it does it to')
    .option('--environment <name>', 'where', 'production')
    .option('--agent <name>', 'agent that acts (COUNTERSIGN_AGENT, else the only one of the instance)')
    .option('--rationale <text>', "the agent's own words for the reviewer; shown as unverified")
    .option('--deadline <duration>', 'how long reviewers have, such as 30m', duration)
    .option('--wait <duration>', 'how long to wait for the decision; until the deadline if absent', duration)
    .option('--env <name>', 'pass this environment variable on too (repeatable)', collectNames, [])
    .option('--idempotency-key <key>', 'the same key with the same command is the same intent')
    .addOption(dataDirOption())
    .addOption(urlOption())
    .argument('<command...>', 'command and arguments, after --')
    .addHelpText(
      'after',
      `${examples(
        'countersign exec --action data.read --target orders -- psql -c "select count(*) from orders"',
        'countersign exec --action data.export --target s3://partner-eu --env AWS_PROFILE \\',
        '    --rationale "partner asked for a refresh" -- aws s3 cp customers.csv s3://partner-eu/',
      )}
Exit code: that of the command once it ran. Before: 1 wrong use or broken, 2 denied or refused, 3 nobody decided in time,
40 the receipt could not be verified. How it goes is printed on stderr; stdout is the command's.
`,
    )
    .action(async (argv: string[], options: ExecOptions, _command: Command) => {
      finish(await execCommand(argv, options, context))
    })
  for (const option of certificateOptions()) exec.addOption(option)
}

/** Runs a command under a grant. Resolves with the exit code. @throws what the client throws when it may not run */
const execCommand = async (
  argv: string[],
  options: ExecOptions,
  { terminal, env, signal }: Context,
): Promise<number> => {
  const cwd = process.cwd()
  const [name = ''] = argv
  if (!(await isCommandThere(name, { cwd, path: env['PATH'], extensions: env['PATHEXT'] }))) {
    throw new Failure(`there is no command ${name}`, { why: 'nobody is asked to approve what cannot run' })
  }
  const missing = options.env.filter((variable) => env[variable] === undefined)
  if (missing.length > 0) throw new Failure(`not set: ${missing.join(', ')}`)

  const deployment = await findDeployment(options, env)
  const agent = deployment.agentNamed(options.agent)
  const { client } = callsOf(deployment, deployment.agentToken(options.agent))
  const names = environmentNames(env, options.env)
  const began = performance.now()
  const say = (word: string, text: string): void =>
    terminal.err(`${terminal.paintErr('bold', word.padEnd(10))} ${text}`)

  return client.guard(
    {
      agent: { name: agent },
      action: options.action,
      target: options.target,
      environment: options.environment,
      parameters: commandParameters({ argv, cwd, environmentNames: names }),
      ...(options.rationale === undefined ? {} : { rationale: options.rationale }),
      ...(options.deadline === undefined ? {} : { deadline: new Date(Date.now() + options.deadline).toISOString() }),
      idempotencyKey: options.idempotencyKey ?? randomUUID(),
      waitMs: options.wait,
      signal,
      onState: (intent) => say(...stateLine(intent, performance.now() - began)),
      onUnreported: (error) => say('unreported', error instanceof Error ? error.message : 'the result was not taken'),
    },
    async (receipt) => {
      say('redeemed', `once, ${shortDigest(receipt.actionDigest)}, receipt verified`)
      const { exitCode, why } = await runChild({ argv, cwd, env: chosenEnvironment(env, names) })
      if (why === 'not_started') say('failed', `${name} did not start`)
      const succeeded = why === 'exited' && exitCode === exitCodes.ok
      const code = { exited: 'nonzero_exit', signalled: 'signalled', not_started: 'not_started' }[why]
      return { value: exitCode, outcome: { succeeded, exitCode, ...(succeeded ? {} : { code }) } }
    },
  )
}

const stateLine = (intent: IntentView, ms: number): [string, string] => {
  if (intent.state === 'published') return ['published', intent.intentId]
  if (intent.state === 'in_review') return ['waiting', standing(intent).replace('waiting ', '')]
  const [word = '', ...rest] = standing(intent).split(/ (.*)/s)
  return [word.replace(/:$/, ''), `${rest.join('').trim()}${rest.length > 1 ? ', ' : ''}${span(ms)}`]
}
