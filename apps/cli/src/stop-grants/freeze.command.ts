import { http } from '@countersign/client'
import { readFile } from 'node:fs/promises'
import { asOption, dataDirOption, examples, jsonOption, type Register, urlOption, uuid } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions, type Environment } from '../find-deployment/deployment.ts'
import { plain } from '../print/words.ts'
import { scopeKinds, scopeOf, wordsOf } from './freeze-scope.ts'

type FreezeOptions = DeploymentOptions & {
  readonly as?: string
  readonly json?: boolean
  readonly reason: string
  readonly credential?: string | true
  readonly tenant?: string
}

/** The freeze credential: from a file, or from the environment; never from the command line, which others can read. */
const credentialOf = async (credential: string | true | undefined, env: Environment): Promise<string | undefined> => {
  if (credential === undefined) return undefined
  const text = credential === true ? env['COUNTERSIGN_FREEZE_CREDENTIAL'] : await readFile(credential, 'utf8')
  if (text === undefined)
    throw new Failure('there is no freeze credential', { next: 'Set COUNTERSIGN_FREEZE_CREDENTIAL, or name a file.' })
  return text.trim()
}

/** `countersign freeze`: stops grants, as a person or with the freeze credential. */
export const registerFreeze: Register = (program, { terminal, env, signal }, finish) => {
  program
    .command('freeze')
    .summary('stop every grant of an agent, producer, action, environment, tenant or of all')
    .description(
      'From the next collect or redeem on, nothing in the scope is granted or used. It needs neither the bus nor, with the\nfreeze credential, the identity provider. Who holds the credential can freeze and nothing else.',
    )
    .argument('<scope>', scopeKinds.join(', '))
    .argument('[name]', 'of the producer, agent, action or environment')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--credential [file]', 'freeze with the credential of this file, or of COUNTERSIGN_FREEZE_CREDENTIAL')
    .option('--tenant <id>', 'with the credential: whose; default: the tenant that runs the deployment', uuid)
    .addOption(asOption())
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      examples(
        'countersign freeze agent etl-bot --reason "exports nobody asked for" --as olga',
        'countersign freeze all --reason "the agents run wild" --credential /media/safe/freeze-credential',
      ),
    )
    .action(async (kind: string, name: string | undefined, options: FreezeOptions) => {
      const { reason, tenant } = options
      const scope = scopeOf(kind, name)
      const deployment = await findDeployment(options, env)
      const credential = await credentialOf(options.credential, env)
      if (tenant !== undefined && credential === undefined)
        throw new Failure('--tenant goes with --credential: a person freezes their own tenant')
      const call =
        credential === undefined
          ? callsOf(deployment, deployment.personToken(options.as)).call
          : http(deployment.baseUrl, async () => credential)
      const path = credential === undefined ? '/v1/freezes' : '/v1/emergency-freezes'
      const body = { scope, reason, ...(tenant === undefined ? {} : { tenantId: tenant }) }
      const { freezeId } = await call<{ freezeId: string }>(path, { method: 'POST', body, signal })
      terminal.out(
        options.json === true
          ? JSON.stringify({ freezeId, scope })
          : `frozen: ${plain(wordsOf(scope))}\n  lift it with   countersign unfreeze ${freezeId} --reason …`,
      )
      finish(exitCodes.ok)
    })
}
