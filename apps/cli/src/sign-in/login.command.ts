import { dataDirOption, examples, type Register, urlOption } from '../command.ts'
import { Failure } from '../exit-codes.ts'
import { readCredentials } from '../find-deployment/credentials.ts'
import type { DeploymentOptions } from '../find-deployment/deployment.ts'
import { signInByDevice } from './device-flow.ts'
import { sessionFile, writeSession } from './session.ts'

type LoginOptions = DeploymentOptions & {
  readonly issuer?: string
  readonly clientId?: string
  readonly audience?: string
}

export const registerLogin: Register = (program, { terminal, env }, finish) => {
  program
    .command('login')
    .summary('sign in as yourself')
    .description(
      'Signs you in at the identity provider of the deployment by the device flow: open the page, type the code. The token is\nkept in $XDG_CONFIG_HOME/countersign/session.json, readable by you only, until it ends.',
    )
    .option('--issuer <url>', 'identity provider (COUNTERSIGN_ISSUER)')
    .option('--client-id <id>', 'this command as the provider knows it (COUNTERSIGN_CLI_CLIENT_ID)')
    .option('--audience <uri>', 'what the token is for (COUNTERSIGN_AUDIENCE)')
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addHelpText(
      'after',
      examples(
        'countersign login',
        'countersign login --url https://countersign.example.com --issuer https://login.example.com \\',
        '    --client-id countersign-cli --audience https://countersign.example.com',
      ),
    )
    .action(async (options: LoginOptions) => {
      const here = await readCredentials(options.dataDir ?? env['COUNTERSIGN_DATA_DIR'] ?? '.countersign')
      const baseUrl = options.url ?? env['COUNTERSIGN_URL'] ?? here?.baseUrl
      const issuer = options.issuer ?? env['COUNTERSIGN_ISSUER'] ?? here?.issuer
      const clientId = options.clientId ?? env['COUNTERSIGN_CLI_CLIENT_ID'] ?? here?.cliClientId
      const audience = options.audience ?? env['COUNTERSIGN_AUDIENCE'] ?? here?.audience
      const wanted = { '--url': baseUrl, '--issuer': issuer, '--client-id': clientId, '--audience': audience }
      const missing = Object.entries(wanted).flatMap(([flag, value]) => (value === undefined ? [flag] : []))
      if (baseUrl === undefined || issuer === undefined || clientId === undefined || audience === undefined) {
        throw new Failure(`it is not known where to sign in: ${missing.join(', ')} missing`)
      }
      const session = await signInByDevice({ issuer, clientId, audience }, ({ url, code }) => {
        terminal.err(`Open  ${terminal.paintErr('cyan', url)}`)
        terminal.err(`Code  ${terminal.paintErr('bold', code)}`)
      })
      const path = sessionFile(env)
      await writeSession(path, { baseUrl, issuer, ...session })
      terminal.err(`Signed in until ${new Date(session.expiresAt).toISOString()}; kept in ${path}`)
      finish(0)
    })
}
