import type { ReciprocalApprovals } from '@countersign/contracts'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, wholeNumber } from '../command.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { table } from '../print/table.ts'

type ReciprocityOptions = DeploymentOptions & {
  readonly as?: string
  readonly days: number
  readonly least: number
  readonly json?: boolean
}

export const registerReciprocity: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('reciprocity')
    .summary('find pairs of people who approve each other')
    .description(
      'Lists pairs of people who each approved what the other stands behind: as requester, as whom it was for, or as owner ' +
        'of the agent. It blocks nothing; it is a pattern to look at. For analysts and auditors.',
    )
    .option('--days <number>', 'how far back', wholeNumber, 30)
    .option('--least <number>', 'approvals of each for the other, at least', wholeNumber, 2)
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText('after', examples('countersign reciprocity', 'countersign reciprocity --days 90 --json'))
    .action(async (options: ReciprocityOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const query = new URLSearchParams({ days: String(options.days), least: String(options.least) })
      const found = await call<ReciprocalApprovals>(`/v1/audit/reciprocal-approvals?${query.toString()}`, { signal })
      if (options.json === true) terminal.out(JSON.stringify(found))
      else if (found.pairs.length === 0) terminal.out('no two people approve each other')
      else {
        const titles = ['one', 'other', 'approved for the other', 'was approved by the other', 'last'].map((title) => ({
          title,
        }))
        const rows = found.pairs.map(({ people: [one = '', other = ''], approvals: [given, taken], lastAt }) => [
          one,
          other,
          String(given),
          String(taken),
          lastAt,
        ])
        for (const line of table(titles, rows)) terminal.out(line)
        if (found.total > found.pairs.length) terminal.err(`the first ${found.pairs.length} of ${found.total}`)
      }
      finish(0)
    })
}
