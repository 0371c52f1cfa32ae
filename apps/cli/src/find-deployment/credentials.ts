import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Failure } from '../exit-codes.ts'

export type ClientSecret = { readonly clientId: string; readonly clientSecret: string }
export type DemoPerson = {
  readonly username: string
  readonly password: string
  readonly slackUser: string
  readonly name?: string
}

/** What `npm start` leaves for this machine's user: where the instance is and who may use it how. Mode 0600. */
export type Credentials = {
  readonly baseUrl: string
  readonly issuer: string
  readonly audience: string
  readonly cliClientId: string
  readonly slackUrl: string
  readonly slackChannel: string
  readonly tenantId: string
  readonly agents: Readonly<Record<string, ClientSecret>>
  readonly producers: Readonly<Record<string, ClientSecret>>
  readonly people: Readonly<Record<string, DemoPerson>>
  readonly store: { readonly superuserUrl: string }
  /** Absent on the embedded bus. */
  readonly kafka?: {
    readonly brokers: readonly string[]
    /** As services take them, such as KAFKA_TLS. */
    readonly settings: Readonly<Record<string, string>>
    /** Passwords by principal; empty where the brokers know none. */
    readonly users: Readonly<Record<string, string>>
  }
  /** Absent where it takes no client certificates; `caFile` where its own certificate is none of yours. */
  readonly mutualTls?: { readonly url: string; readonly caFile?: string }
}

const texts = ['baseUrl', 'issuer', 'audience', 'cliClientId'] as const

/** The credentials in a data folder; undefined when there are none. @throws Failure when they cannot be read or used */
export const readCredentials = async (dataDir: string): Promise<Credentials | undefined> => {
  const path = join(resolve(dataDir), 'credentials.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure(`${path} cannot be read`, {
      why: (error as NodeJS.ErrnoException).code,
      next: 'Run this as the user who started Countersign here.',
    })
  }
  const value = parse(text)
  if (value === undefined || texts.some((field) => typeof value[field] !== 'string')) {
    throw new Failure(`${path} is not a credentials file`, { next: 'npm start writes it anew.' })
  }
  const { agents = {}, producers = {}, people = {} } = value as Partial<Credentials>
  return { ...(value as Credentials), agents, producers, people }
}

const parse = (text: string): Record<string, unknown> | undefined => {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
