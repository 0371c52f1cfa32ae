import {
  type ClientCertificate,
  clientCredentials,
  countersign,
  http,
  type Countersign,
  type ExecutorKey,
  type Http,
  type TokenSource,
} from '@countersign/client'
import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { exitCodes, Failure } from '../exit-codes.ts'
import { readSession, sessionFile } from '../sign-in/session.ts'
import { type CertificateOptions, readCertificate } from './client-certificate.ts'
import { type ClientSecret, type Credentials, readCredentials } from './credentials.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Options that every command takes which talks to a deployment. */
export type DeploymentOptions = CertificateOptions & { readonly dataDir?: string; readonly url?: string }

/** Who asks: an agent or producer by its own credentials, or a person. */
export type Deployment = {
  readonly baseUrl: string
  readonly credentials: Credentials | undefined
  /** Name of the agent that acts when none is named. */
  readonly agentNamed: (name: string | undefined) => string
  readonly agentToken: (name: string | undefined) => TokenSource
  readonly producerToken: (name: string) => TokenSource
  readonly personToken: (name: string | undefined) => TokenSource
  /** Key that binds grants, of COUNTERSIGN_EXECUTOR_KEY_FILE. */
  readonly executorKey: ExecutorKey | undefined
  /** Certificate that binds grants. */
  readonly certificate: ClientCertificate | undefined
}

/** Calls as one caller, with the executor's key and certificate where there are any. */
export const callsOf = (
  { baseUrl, executorKey, certificate }: Deployment,
  token: TokenSource,
): { client: Countersign; call: Http } => ({
  client: countersign({ baseUrl, token, executorKey, certificate }),
  call: http(baseUrl, token),
})

/**
 * Finds the deployment to talk to: `--url` or COUNTERSIGN_URL, else the instance whose data folder is here, else the one of
 * the last `countersign login`.
 */
export const findDeployment = async (options: DeploymentOptions, env: Environment): Promise<Deployment> => {
  const dataDir = options.dataDir ?? env['COUNTERSIGN_DATA_DIR'] ?? '.countersign'
  const credentials = await readCredentials(dataDir)
  const session = await readSession(sessionFile(env))
  const baseUrl = options.url ?? env['COUNTERSIGN_URL'] ?? credentials?.baseUrl ?? session?.baseUrl
  if (baseUrl === undefined) {
    throw new Failure('there is no Countersign to talk to', {
      why: `neither --url nor COUNTERSIGN_URL is set, and ${dataDir}/credentials.json does not exist`,
      next: 'npm start starts one here; --data-dir names its data folder.',
    })
  }
  if (!URL.canParse(baseUrl)) throw new Failure('the address of the deployment is not a URL')

  const tokenOf = ({ clientId, clientSecret }: ClientSecret): TokenSource => {
    const issuer = env['COUNTERSIGN_ISSUER'] ?? credentials?.issuer
    const audience = env['COUNTERSIGN_AUDIENCE'] ?? credentials?.audience
    if (issuer === undefined || audience === undefined) {
      throw new Failure('it is not known where tokens come from', {
        next: 'Set COUNTERSIGN_ISSUER and COUNTERSIGN_AUDIENCE.',
      })
    }
    return clientCredentials({ issuer, audience, clientId, clientSecret })
  }
  const ownClient = (): ClientSecret | undefined => {
    const { COUNTERSIGN_CLIENT_ID: clientId, COUNTERSIGN_CLIENT_SECRET: clientSecret } = env
    return clientId === undefined || clientSecret === undefined ? undefined : { clientId, clientSecret }
  }
  const agentNamed = (name: string | undefined): string => {
    const [only, ...others] = Object.keys(credentials?.agents ?? {})
    const found = name ?? env['COUNTERSIGN_AGENT'] ?? (others.length === 0 ? only : undefined)
    if (found === undefined) throw new Failure('no agent is named', { next: 'Say which with --agent.' })
    return found
  }

  const executorKey = await readExecutorKey(env['COUNTERSIGN_EXECUTOR_KEY_FILE'])
  const known = credentials?.baseUrl === baseUrl ? credentials.mutualTls : undefined
  const certificate = await readCertificate(options, { env, baseUrl, known })
  return {
    baseUrl,
    credentials,
    executorKey,
    certificate,
    agentNamed,
    agentToken: (name) => {
      const agent = agentNamed(name)
      const secret = ownClient() ?? credentials?.agents[agent]
      if (secret !== undefined) return tokenOf(secret)
      throw unknownCaller('agent', agent, Object.keys(credentials?.agents ?? {}))
    },
    producerToken: (name) => {
      const secret = ownClient() ?? credentials?.producers[name]
      if (secret !== undefined) return tokenOf(secret)
      throw unknownCaller('producer', name, Object.keys(credentials?.producers ?? {}))
    },
    personToken: (name) => {
      if (name !== undefined) return demoPersonToken(credentials, name)
      if (session === undefined || session.baseUrl !== baseUrl) {
        const known = Object.keys(credentials?.people ?? {})
        throw new Failure('nobody is signed in', {
          next: known.length > 0 ? `Say who with --as ${known.join(' or --as ')}.` : 'Run countersign login.',
        })
      }
      if (session.expiresAt <= Date.now()) {
        throw new Failure('the sign-in has expired', {
          next: 'Run countersign login again.',
          exitCode: exitCodes.refused,
        })
      }
      return async () => session.token
    },
  }
}

/** @throws Failure when the file is no private key, without a word of what is in it */
const readExecutorKey = async (file: string | undefined): Promise<ExecutorKey | undefined> => {
  if (file === undefined) return undefined
  try {
    return createPrivateKey(await readFile(file))
  } catch {
    throw new Failure('the executor key cannot be read', { why: 'it is not a private key in PEM that you may read' })
  }
}

const unknownCaller = (kind: 'agent' | 'producer' | 'person', name: string, known: readonly string[]): Failure =>
  new Failure(`there are no credentials for the ${kind} ${name}`, {
    next:
      known.length > 0
        ? `Known here: ${known.join(', ')}.`
        : 'Set COUNTERSIGN_CLIENT_ID and COUNTERSIGN_CLIENT_SECRET, or --data-dir.',
  })

/** Signs a person of the demo in, as a browser would, when the token is first needed. */
const demoPersonToken = (credentials: Credentials | undefined, name: string): TokenSource => {
  const person = credentials?.people[name]
  if (credentials === undefined || person === undefined) {
    throw unknownCaller('person', name, Object.keys(credentials?.people ?? {}))
  }
  const { issuer, audience, cliClientId: clientId } = credentials
  let signedIn: Promise<string> | undefined
  return () => {
    signedIn ??= import('@countersign/loopback/identity-provider').then(({ signIn }) =>
      signIn({ issuer, audience, clientId, username: person.username, password: person.password }),
    )
    return signedIn
  }
}
