import { readFile } from 'node:fs/promises'
import type { JsonObject, PublishIntentBody } from '@countersign/contracts'
import { parseStrictJson } from '@countersign/redaction'
import { dataDirOption, duration, examples, jsonOption, type Register, urlOption } from '../command.ts'
import { Failure } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { intentLines } from '../print/intent.ts'

type PublishOptions = DeploymentOptions & {
  readonly agent?: string
  readonly idempotencyKey?: string
  readonly wait?: number
  readonly json?: boolean
}

const largest = 262_144

/** Reads the body of an intent as strictly as the service will. */
export const readIntentFile = async (path: string): Promise<JsonObject> => {
  const bytes = await readFile(path === '-' ? '/dev/stdin' : path).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`${path} cannot be read`, { why: error.code })
  })
  const parsed = parseStrictJson(bytes, { bodyBytes: largest, arrayLength: 10_000 })
  if (parsed.ok) return parsed.value
  throw new Failure(`${path} is not the JSON of an intent: ${parsed.code}`, {
    next: 'It is one JSON object with agent, action, target, environment and parameters.',
  })
}

export const registerPublish: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('publish')
    .summary('publish an intent from a JSON file')
    .description('Publishes an action intent as an agent and prints where it stands.')
    .argument('<file>', 'JSON file with the intent, - for standard input')
    .option('--agent <name>', 'agent whose credentials publish it')
    .option('--idempotency-key <key>', 'the same key with the same content is the same intent')
    .option('--wait <duration>', 'wait so long for the decision, such as 30s', duration)
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText('after', examples('countersign publish export.json --wait 30s', 'countersign publish - < export.json'))
    .action(async (file: string, options: PublishOptions) => {
      const body = (await readIntentFile(file)) as unknown as PublishIntentBody
      const deployment = await findDeployment(options, env)
      const { client } = callsOf(deployment, deployment.agentToken(options.agent))
      const published = await client.publish(body, options.idempotencyKey, signal)
      const intent =
        options.wait === undefined
          ? published
          : await client.awaitDecision(published.intentId, { waitMs: options.wait, signal })
      if (options.json === true) terminal.out(JSON.stringify(intent, null, 2))
      else for (const line of intentLines(intent)) terminal.out(line)
      finish(0)
    })
}
