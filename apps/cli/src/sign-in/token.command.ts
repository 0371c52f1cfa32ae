import { asOption, dataDirOption, examples, type Register, urlOption } from '../command.ts'
import { Failure } from '../exit-codes.ts'
import { findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'

type TokenOptions = DeploymentOptions & { readonly agent?: string; readonly producer?: string; readonly as?: string }

export const registerToken: Register = (program, { terminal, env }, finish) => {
  program
    .command('token')
    .summary('print an access token, for curl')
    .description(
      'Prints an access token and nothing else. Whoever has it can act as that agent or person until it ends.',
    )
    .option('--agent <name>', 'as an agent')
    .option('--producer <name>', 'as a producer')
    .addOption(asOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      examples(
        'curl -H "authorization: Bearer $(countersign token --agent etl-bot)" http://127.0.0.1:7400/v1/intents/…',
        'countersign token --as ben',
      ),
    )
    .action(async (options: TokenOptions) => {
      const named = [options.agent, options.producer, options.as].filter((name) => name !== undefined)
      if (named.length > 1)
        throw new Failure('a token is for one caller', { next: 'Give one of --agent, --producer, --as.' })
      const deployment = await findDeployment(options, env)
      const token =
        options.producer !== undefined
          ? deployment.producerToken(options.producer)
          : options.agent !== undefined
            ? deployment.agentToken(options.agent)
            : deployment.personToken(options.as)
      terminal.out(await token())
      finish(0)
    })
}
