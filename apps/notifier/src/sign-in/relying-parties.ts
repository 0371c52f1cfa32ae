import { readFileSync } from 'node:fs'
import { type Log, type PageClient, pageClientsIn } from '@countersign/service-kit'
import type { NotifierConfig } from '../notifier.config.ts'
import { RelyingParty } from './relying-party.ts'

export type RelyingPartiesOptions = {
  readonly config: NotifierConfig
  readonly acrValues: readonly string[]
  readonly log: Log
}

/**
 * Where people can sign in on pages: the issuer of the settings, then those that the issuers file names a client for. The file
 * is read at each sign-in, so that it counts without a start; one that cannot be used changes nothing.
 */
export class RelyingParties {
  readonly #options: RelyingPartiesOptions
  readonly #known = new Map<string, RelyingParty>()
  #listed: readonly PageClient[]

  constructor(options: RelyingPartiesOptions) {
    this.#options = options
    this.#listed = pageClientsIn(options.config)
  }

  /** The issuers at which people can sign in, each once. */
  issuers(): readonly string[] {
    return this.#clients().map(({ issuer }) => issuer)
  }

  /** What signs people in at an issuer; undefined at one where nobody does. */
  at(issuer: string): RelyingParty | undefined {
    const client = this.#clients().find((one) => one.issuer === issuer)
    if (client === undefined) return undefined
    const key = JSON.stringify(client)
    const party = this.#known.get(key) ?? this.#partyOf(client)
    this.#known.set(key, party)
    return party
  }

  #clients(): readonly PageClient[] {
    const { config, log } = this.#options
    try {
      this.#listed = pageClientsIn(config)
    } catch (error) {
      log.warn({ err: error }, 'the issuers of pages could not be read again, those of before stay')
    }
    const { OIDC_ISSUER: issuer, OIDC_PAGES_CLIENT_ID: clientId } = config
    const own = issuer === undefined || clientId === undefined ? [] : [{ issuer, clientId }]
    return [...own, ...this.#listed.filter((listed) => listed.issuer !== own[0]?.issuer)]
  }

  #partyOf({ issuer, clientId, clientSecretFile }: PageClient): RelyingParty {
    const { config, acrValues } = this.#options
    const isOwn = issuer === config.OIDC_ISSUER && clientId === config.OIDC_PAGES_CLIENT_ID
    return new RelyingParty({
      issuer,
      clientId,
      clientSecret: isOwn
        ? config.OIDC_PAGES_CLIENT_SECRET?.reveal()
        : clientSecretFile && readFileSync(clientSecretFile, 'utf8').trim(),
      redirectUri: new URL('me/sign-in/callback', config.PUBLIC_URL).href,
      acrValues,
    })
  }
}
