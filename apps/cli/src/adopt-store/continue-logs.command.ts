import type { ContinuedLogView, RefusedLog, StoreView } from '@countersign/contracts'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'

type Options = DeploymentOptions & {
  readonly as?: string
  readonly json?: boolean
  readonly log?: string
  readonly reason?: string
  readonly yes?: boolean
}

/** A log that is not signed, and what it lost. */
export const refusedLine = ({ log, code, former, keptSize = 0 }: RefusedLog): string =>
  former === undefined
    ? `log ${log}: ${code}; what is left of it does not hold`
    : `log ${log}: ${code}; ${former.size} entries were published, ${keptSize} of them are known to be left`

/** `countersign store continue-logs`. */
export const registerContinueLogs: Register = (store, { terminal, env, signal }, finish) => {
  store
    .command('continue-logs')
    .summary('let logs that lost entries with a restored database go on under another origin')
    .description(
      'Shows which logs are not signed and, with --yes, lets those go on that lost entries and whose rest holds: records who\ndid it and why as an entry of the log, with the last checkpoint that was published and what is left of it. The ledger\nsigns under a new origin from then on. Once for each adoption of a store; what is lost stays lost.',
    )
    .requiredOption('--reason <text>', 'why the log goes on without them; it is recorded')
    .option('--log <id>', 'only this log; all that can go on if absent')
    .option('--yes', 'do it; without this it is only shown what was found')
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      examples('countersign store continue-logs --as ben --reason "restored the backup of 02:00" --yes'),
    )
    .action(async ({ reason, yes, log, ...rest }: Options, command: { optsWithGlobals(): Options }) => {
      const options = { ...command.optsWithGlobals(), ...rest }
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const { logs = [] } = await call<StoreView>('/v1/store', { signal })
      if (options.json !== true) for (const one of logs) terminal.out(refusedLine(one))
      // A log that is named is asked about whatever the list says: the answer tells why it does not go on.
      const chosen = log === undefined ? logs.filter(({ former }) => former !== undefined).map((one) => one.log) : [log]
      if (chosen.length === 0) {
        throw new Failure('no log can go on', {
          why: logs.length === 0 ? 'every log is signed' : 'what is left of them does not hold',
          exitCode: exitCodes.refused,
        })
      }
      if (yes !== true) {
        throw new Failure('nothing was done', {
          why: 'whoever trusts the verifier key of a log has to take another one, and it cannot be undone',
          next: 'If no newer copy of the database can be found, run it again with --yes.',
          exitCode: exitCodes.pending,
        })
      }
      const continued: ContinuedLogView[] = []
      for (const one of chosen) {
        const path = `/v1/store/logs/${one}/continue`
        const view = await call<ContinuedLogView>(path, { method: 'POST', body: { reason }, signal })
        continued.push(view)
        if (options.json !== true) terminal.out(`goes on: ${view.formerOrigin} as ${view.origin}`)
      }
      if (options.json === true) terminal.out(JSON.stringify(continued, null, 2))
      finish(exitCodes.ok)
    })
}
