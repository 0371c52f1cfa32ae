import { join, resolve } from 'node:path'
import { Option } from 'commander'
import { dataDirOption, examples, jsonOption, type Register } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { readCredentials } from '../find-deployment/credentials.ts'
import { inspectIssuer, type Inspection, type SpeaksFor } from './inspect-issuer.ts'
import { type IssuerEntry, writeIssuer } from './issuers-file.ts'

type ConnectOptions = {
  readonly speaksFor: SpeaksFor
  readonly workload?: boolean
  readonly audience?: string
  readonly file?: string
  readonly pagesClient?: string
  readonly pagesSecretFile?: string
  readonly dataDir?: string
  readonly json?: boolean
}

/** `countersign idp connect`: checks an identity provider and lets the services trust it. */
export const registerIdp: Register = (program, { terminal, env }, finish) => {
  const idp = program.command('idp').summary('connect an identity provider').description('Whose tokens are taken.')
  idp
    .command('connect')
    .summary('check an identity provider and trust its tokens')
    .description(
      'Reads the discovery document and the keys of an issuer, checks them, writes the issuer into the issuers file that\nservices follow (OIDC_ISSUERS_FILE), and says what to set at the provider.',
    )
    .argument('<issuer>', 'the issuer, exactly as its tokens name it in iss')
    .addOption(
      new Option('--speaks-for <whom>', 'of whom its tokens may speak')
        .choices(['people', 'agents', 'both'])
        .default('both'),
    )
    .option('--workload', 'its tokens are no access tokens (CI, Kubernetes): the subject is the client; agents only')
    .option('--audience <text>', 'what its tokens name as aud; that of the deployment if absent')
    .option('--pages-client <id>', 'client there with which people sign in on pages')
    .option('--pages-secret-file <file>', 'file with the secret of that client; a client without one is public')
    .option('--file <file>', 'issuers file; issuers.json in the data folder if absent')
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .addHelpText(
      'after',
      examples(
        'countersign idp connect https://login.example.com/realms/acme --speaks-for people',
        'countersign idp connect https://token.ci.example.com --speaks-for agents --workload --audience countersign',
      ),
    )
    .action(async (issuer: string, options: ConnectOptions) => {
      const { speaksFor, workload = false } = options
      if (workload && speaksFor !== 'agents')
        throw new Failure('workloads are no people', { next: 'Say --speaks-for agents as well.' })
      const dataDir = resolve(options.dataDir ?? env['COUNTERSIGN_DATA_DIR'] ?? '.countersign')
      const credentials = await readCredentials(dataDir)
      if (credentials?.issuer === issuer)
        throw new Failure('this is the issuer that the deployment trusts already', { exitCode: exitCodes.refused })
      const audience = options.audience ?? env['COUNTERSIGN_AUDIENCE'] ?? credentials?.audience ?? 'countersign'
      const found = await inspectIssuer(issuer, speaksFor)
      if (found.problems.length > 0) {
        throw new Failure('its tokens could not be taken', {
          why: found.problems.join('; '),
          exitCode: exitCodes.invalid,
        })
      }
      const file = options.file === undefined ? join(dataDir, 'issuers.json') : resolve(options.file)
      const pages = pagesOf(options)
      const entry = { issuer, audience, speaksFor, ...(workload ? { workload } : {}), ...(pages && { pages }) }
      const was = await writeIssuer(file, entry)
      const setAtProvider = settingsOf(found, { audience, speaksFor, workload })
      if (options.json === true) terminal.out(JSON.stringify({ ...found, file, entry, setAtProvider }, null, 2))
      else {
        terminal.out(`issuer      ${issuer}`)
        terminal.out(`keys        ${found.algorithms.join(', ')} from ${found.jwksUri}`)
        terminal.out(`written     ${file}${was ? ', in place of its former entry' : ''}`)
        for (const line of found.advice) terminal.out(`beware      ${line}`)
        terminal.out()
        terminal.out('Set at the provider:')
        for (const line of setAtProvider) terminal.out(`  * ${line}`)
        terminal.out()
        terminal.out(
          'Services that read the file trust it within seconds; those that were started without it, once they are started with it.',
        )
      }
      finish(exitCodes.ok)
    })
}

/** The client for pages, as services read it. */
const pagesOf = ({ pagesClient, pagesSecretFile, speaksFor }: ConnectOptions): IssuerEntry['pages'] => {
  if (pagesClient === undefined) {
    if (pagesSecretFile === undefined) return undefined
    throw new Failure('a secret belongs to a client', { next: 'Name it with --pages-client.' })
  }
  if (speaksFor === 'agents') throw new Failure('agents sign in on no page', { next: 'Leave --pages-client out.' })
  return {
    clientId: pagesClient,
    ...(pagesSecretFile === undefined ? {} : { clientSecretFile: resolve(pagesSecretFile) }),
  }
}

/** What the provider's tokens and clients have to be like. */
const settingsOf = (
  { hasDeviceFlow, hasCodeFlow }: Inspection,
  {
    audience,
    speaksFor,
    workload,
  }: { readonly audience: string; readonly speaksFor: SpeaksFor; readonly workload: boolean },
): string[] => {
  const audienceLine = `aud of tokens for Countersign: ${audience}`
  if (workload) return [audienceLine, 'register each client by the whole subject that its token has']
  return [
    audienceLine,
    'access tokens as JWT after RFC 9068: header typ at+jwt, claims sub, client_id, iat, exp',
    ...(speaksFor === 'agents'
      ? []
      : [
          'for people: auth_time, and acr or amr that say how they signed in; without them no rule that asks for it is met',
          'sub that stays the same for a person for ever; it is what countersign people register and SCIM name',
          ...(hasDeviceFlow ? ['a public client countersign-cli with the device flow, for countersign login'] : []),
          ...(hasCodeFlow
            ? [
                'a client for the sign-in pages: code flow with PKCE, back to /me/sign-in/callback; --pages-client names it',
              ]
            : []),
        ]),
    ...(speaksFor === 'people'
      ? []
      : [
          'for agents: client credentials, a client each, whose sub is the client id or whose tokens say that it is a program',
        ]),
  ]
}
