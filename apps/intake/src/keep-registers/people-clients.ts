import { refuse, type Refusal } from '@countersign/contracts'
import { prepared, type Transaction } from '@countersign/event-store'
import { ConfigError } from '@countersign/service-kit'

/** An OAuth client, which is one only together with its issuer. */
export type OAuthClient = { readonly issuer: string; readonly clientId: string }

/**
 * Clients through which people sign in. Registered as a program's, whose tokens are nobody's verdict, one would keep all its
 * people, of every tenant, from deciding and from stopping anything, and who registered it from taking that back.
 */
export class PeopleClients {
  readonly #named: ReadonlySet<string>
  readonly #readPages: () => readonly OAuthClient[]
  #pages: readonly OAuthClient[]

  /** @throws ConfigError */
  constructor({ named, ownIssuer, readPages }: PeopleClientsOptions) {
    this.#named = new Set(named.map((text) => keyOf(readClient(text, ownIssuer))))
    this.#readPages = readPages
    this.#pages = readPages()
  }

  /** Whether the deployment names it, now. */
  has(client: OAuthClient): boolean {
    return this.#named.has(keyOf(client)) || this.#pagesNow().some((page) => keyOf(page) === keyOf(client))
  }

  #pagesNow(): readonly OAuthClient[] {
    try {
      this.#pages = this.#readPages()
    } catch {
      // Who verifies tokens by the same file has logged it.
    }
    return this.#pages
  }

  /** Why a client can be no program's: it is one of those, or the one through which whoever registers it signed in. */
  refusalOf(client: OAuthClient, asker: OAuthClient, pointer: string): Refusal | undefined {
    const isOfPeople = this.has(client) || keyOf(client) === keyOf(asker)
    return isOfPeople ? refuse('client_of_people', { pointer }) : undefined
  }
}

export type PeopleClientsOptions = {
  /** By the deployment: client ids of its own issuer, or with `@` and another one. */
  readonly named: readonly string[]
  readonly ownIssuer: string | undefined
  /** Clients of the pages that the file of issuers names now; a file that cannot be used changes nothing. */
  readonly readPages: () => readonly OAuthClient[]
}

const keyOf = ({ issuer, clientId }: OAuthClient): string => JSON.stringify([issuer, clientId])

const readClient = (text: string, ownIssuer: string | undefined): OAuthClient => {
  const [, clientId = '', issuer = ownIssuer] = /^(.+?)(?:@(https?:\/\/.+))?$/.exec(text) ?? []
  if (issuer === undefined)
    throw new ConfigError([`PEOPLE_CLIENTS: expected ${clientId}@ and its issuer, because OIDC_ISSUER is not set`])
  return { issuer, clientId }
}

/** Whether programs ask through a producer's client. */
export const hasPrograms = async (tx: Transaction, tenantId: string, producer: string): Promise<boolean> => {
  const { rowCount } = await tx.query(
    prepared(
      `select from countersign.agent where tenant_id = $1 and producer = $2 and kind <> 'person' and removed_at is null limit 1`,
      [tenantId, producer],
    ),
  )
  return rowCount === 1
}
