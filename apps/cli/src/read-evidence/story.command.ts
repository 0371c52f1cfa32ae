import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, uuid } from '../command.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { plain } from '../print/words.ts'

export type Story = {
  readonly intentId: string
  readonly path: string
  readonly steps: readonly {
    readonly at: string
    readonly event: string
    readonly eventId: string
    readonly text: string
    readonly code?: string
  }[]
}

type StoryOptions = DeploymentOptions & { readonly as?: string; readonly agent?: string; readonly json?: boolean }

export const registerStory: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('story')
    .summary('tell everything that happened around one intent')
    .argument('<id>', 'id of the intent', uuid)
    .addOption(asOption())
    .option('--agent <name>', 'agent whose intent it is, instead of a person')
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText('after', examples('countersign story 0199f1f0-7a1c-7000-8000-0000000000aa --as ben'))
    .action(async (id: string, options: StoryOptions) => {
      const deployment = await findDeployment(options, env)
      const token =
        options.agent === undefined ? deployment.personToken(options.as) : deployment.agentToken(options.agent)
      const { call } = callsOf(deployment, token)
      const story = await call<Story>(`/v1/intents/${id}/story`, { signal })
      if (options.json === true) terminal.out(JSON.stringify(story, null, 2))
      else {
        terminal.out(terminal.paint('bold', plain(story.path)))
        for (const { at, text } of story.steps) terminal.out(`${terminal.paint('dim', at)}  ${plain(text)}`)
      }
      finish(0)
    })
}
