import { readFileSync } from 'node:fs'
import { type Identity, tokenVerifier, type TrustedIssuer } from '@countersign/identity'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { BearerVerifier } from './auth.ts'
import { FollowedFiles } from './followed-files.ts'
import type { Log } from './log.ts'
import { ConfigError } from './read-config.ts'

/** Whose access tokens are taken; part of the schema of every service that answers requests. */
export const identitySettings = {
  OIDC_ISSUER: Type.Optional(
    Type.String({ description: 'Issuer of access tokens of people and agents; the short form of OIDC_ISSUERS_FILE' }),
  ),
  OIDC_AUDIENCE: Type.String({ default: 'countersign', description: 'Audience that access tokens must name' }),
  OIDC_ISSUERS_FILE: Type.Optional(
    Type.String({
      description:
        'JSON file of further issuers: `{"issuers": [{"issuer", "audience", "jwksUri", "speaksFor", "workload", "pages": {"clientId", "clientSecretFile"}}]}`; at least one issuer is named here or by OIDC_ISSUER',
    }),
  ),
} as const

/** What `identitySettings` read. */
export type IdentityConfig = {
  readonly OIDC_ISSUER?: string
  readonly OIDC_AUDIENCE: string
  readonly OIDC_ISSUERS_FILE?: string
}

/** Content of `OIDC_ISSUERS_FILE`. */
export const IssuersFile = Type.Object(
  {
    issuers: Type.Array(
      Type.Object(
        {
          issuer: Type.String({ minLength: 1, maxLength: 512 }),
          audience: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
          jwksUri: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
          speaksFor: Type.Optional(Type.Union([Type.Literal('people'), Type.Literal('agents'), Type.Literal('both')])),
          workload: Type.Optional(Type.Boolean()),
          pages: Type.Optional(
            Type.Object(
              {
                clientId: Type.String({ minLength: 1, maxLength: 255 }),
                clientSecretFile: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
              },
              { additionalProperties: false },
            ),
          ),
        },
        { additionalProperties: false },
      ),
      { maxItems: 64 },
    ),
  },
  { additionalProperties: false },
)
export type IssuersFile = Type.Static<typeof IssuersFile>

const issuersFile = Compile(IssuersFile)

/** The issuers of a file. Its problems are told without its content. @throws ConfigError */
const readIssuers = (path: string): IssuersFile['issuers'] => {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw new ConfigError(['OIDC_ISSUERS_FILE: expected the path of a readable JSON file'])
  }
  if (issuersFile.Check(content)) return content.issuers
  const [error] = issuersFile.Errors(content)
  throw new ConfigError([`OIDC_ISSUERS_FILE: ${error?.instancePath ?? ''} ${error?.message ?? 'is not as expected'}`])
}

/** The issuers that a service trusts, the short form first. @throws ConfigError */
export const trustedIssuers = ({ OIDC_ISSUER, OIDC_AUDIENCE, OIDC_ISSUERS_FILE }: IdentityConfig): TrustedIssuer[] => {
  const listed = OIDC_ISSUERS_FILE === undefined ? [] : readIssuers(OIDC_ISSUERS_FILE)
  const issuers = [
    ...(OIDC_ISSUER === undefined ? [] : [{ issuer: OIDC_ISSUER, audience: OIDC_AUDIENCE }]),
    ...listed.map(({ pages: _pages, ...issuer }) => ({ audience: OIDC_AUDIENCE, ...issuer })),
  ]
  if (issuers.length === 0) throw new ConfigError(['OIDC_ISSUER: expected text, or OIDC_ISSUERS_FILE with an issuer'])
  return issuers
}

/** A client with which people sign in on pages, at the issuer that it is registered with. */
export type PageClient = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecretFile?: string
}

/** The clients for pages that the file names; none where there is no file. @throws ConfigError */
export const pageClientsIn = ({ OIDC_ISSUERS_FILE }: Pick<IdentityConfig, 'OIDC_ISSUERS_FILE'>): PageClient[] => {
  const listed = OIDC_ISSUERS_FILE === undefined ? [] : readIssuers(OIDC_ISSUERS_FILE)
  return listed.flatMap(({ issuer, speaksFor, pages }) => {
    if (pages === undefined) return []
    if (speaksFor === 'agents')
      throw new ConfigError([`OIDC_ISSUERS_FILE: ${issuer} speaks for agents only, so nobody signs in there`])
    return [{ issuer, ...pages }]
  })
}

/**
 * The verifier of a service's bearer tokens. It follows the file: an issuer that is written into it is trusted from the
 * next second on, one that is taken out is not. A file that cannot be used changes nothing and is logged once.
 * @throws ConfigError when its issuers cannot be used
 */
export const tokenVerifierFor = (
  config: IdentityConfig,
  log?: Pick<Log, 'info' | 'warn'>,
): BearerVerifier<Identity> => {
  const file = new FollowedFiles([config.OIDC_ISSUERS_FILE])
  const verifier = asConfigError(() => tokenVerifier({ issuers: trustedIssuers(config) }))
  const readAgain = (): void => {
    try {
      const issuers = trustedIssuers(config)
      asConfigError(() => verifier.trust(issuers))
      log?.info({ issuers: issuers.length }, 'the issuers were read again')
    } catch (error) {
      log?.warn({ err: error }, 'the issuers could not be read again, those of before stay trusted')
    }
  }
  return {
    verify: (bearer) => {
      if (file.changed()) readAgain()
      return verifier.verify(bearer)
    },
  }
}

const asConfigError = <T>(use: () => T): T => {
  try {
    return use()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError([`OIDC_ISSUERS_FILE: ${(error as Error).message}`])
  }
}
