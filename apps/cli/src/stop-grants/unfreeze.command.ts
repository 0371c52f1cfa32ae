import type { FreezeList } from '@countersign/contracts'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, uuid } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { table } from '../print/table.ts'
import { plain } from '../print/words.ts'
import { wordsOf } from './freeze-scope.ts'

type ListOptions = DeploymentOptions & { readonly as?: string; readonly json?: boolean }
type UnfreezeOptions = ListOptions & { readonly reason: string }

/** `countersign unfreeze`: lifts a freeze, as an operator; the freeze credential cannot. */
export const registerUnfreeze: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('unfreeze')
    .summary('lift a freeze')
    .argument('<freeze>', 'id of the freeze, as freezes shows it', uuid)
    .requiredOption('--reason <text>', 'why it may go on; it is recorded')
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      examples('countersign unfreeze 0199f1f0-7a1c-7000-8000-0000000000aa --reason "the key was replaced" --as olga'),
    )
    .action(async (freezeId: string, options: UnfreezeOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const body = { reason: options.reason }
      await call(`/v1/freezes/${freezeId}/unfreeze`, { method: 'POST', body, signal })
      terminal.out(options.json === true ? JSON.stringify({ freezeId }) : 'lifted: what it froze can be granted again')
      finish(exitCodes.ok)
    })
}

/** `countersign freezes`: what is frozen now. */
export const registerFreezes: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('freezes')
    .summary('list what is frozen now')
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .action(async (options: ListOptions) => {
      const deployment = await findDeployment(options, env)
      const { call } = callsOf(deployment, deployment.personToken(options.as))
      const { freezes } = await call<FreezeList>('/v1/freezes', { signal })
      if (options.json === true) for (const freeze of freezes) terminal.out(JSON.stringify(freeze))
      else if (freezes.length === 0) terminal.out('nothing is frozen')
      else {
        const titles = ['freeze', 'scope', 'since', 'reason'].map((title) => ({ title }))
        const rows = freezes.map(({ freezeId, scope, frozenAt, reason }) => [
          freezeId,
          plain(wordsOf(scope)),
          frozenAt,
          plain(reason ?? ''),
        ])
        for (const line of table(titles, rows)) terminal.out(line)
      }
      finish(exitCodes.ok)
    })
}
