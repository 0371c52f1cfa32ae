import type { IntentView } from '@countersign/contracts'
import { asOption, dataDirOption, duration, examples, jsonOption, type Register, urlOption, uuid } from '../command.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { intentLines } from '../print/intent.ts'

type IntentOptions = DeploymentOptions & {
  readonly agent?: string
  readonly as?: string
  readonly wait?: number
  readonly json?: boolean
}

export const registerIntent: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('intent')
    .summary('show where an intent stands')
    .description('Shows an intent: its state, the rules that decided and why. Requesters see their own.')
    .argument('<id>', 'id of the intent', uuid)
    .option('--agent <name>', 'agent whose intent it is')
    .addOption(asOption())
    .option('--wait <duration>', 'wait so long for the decision, such as 30s', duration)
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText('after', examples('countersign intent 0199f1f0-7a1c-7000-8000-0000000000aa --wait 5m'))
    .action(async (id: string, options: IntentOptions) => {
      const deployment = await findDeployment(options, env)
      const token = options.as === undefined ? deployment.agentToken(options.agent) : deployment.personToken(options.as)
      const { client } = callsOf(deployment, token)
      const intent: IntentView =
        options.wait === undefined
          ? await client.read(id, 0, signal)
          : await client.awaitDecision(id, { waitMs: options.wait, signal })
      if (options.json === true) terminal.out(JSON.stringify(intent, null, 2))
      else for (const line of intentLines(intent)) terminal.out(line)
      finish(0)
    })
}
