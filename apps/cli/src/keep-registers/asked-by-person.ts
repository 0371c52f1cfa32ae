import type { Call, Http } from '@countersign/client'
import type { EntryOwner, OpenChange, PeopleList } from '@countersign/contracts'
import type { Command } from 'commander'
import { asOption, type Context, dataDirOption, jsonOption, urlOption } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { callsOf, findDeployment, type DeploymentOptions } from '../find-deployment/deployment.ts'
import { plain } from '../print/words.ts'
import type { Terminal } from '../terminal.ts'

/** Options of every command that keeps registers or the directory. */
export type PersonOptions = DeploymentOptions & { readonly as?: string; readonly json?: boolean }
export type PageOptions = PersonOptions & { readonly after?: string; readonly limit: number }
export type ChangeOptions = PersonOptions & { readonly reason: string }

export const largestPage = 100

/** Adds the options of a command that a person runs. */
export const asPerson = (command: Command): Command =>
  command.addOption(asOption()).addOption(jsonOption()).addOption(dataDirOption()).addOption(urlOption())

/** Adds `--reason`, without which nothing is changed. */
export const withReason = (command: Command): Command =>
  command.requiredOption('--reason <text>', 'why it is changed; it is recorded with who did it')

/** Calls of a deployment as the person who asks. */
export const callAs = async (
  options: PersonOptions,
  { env, signal }: Context,
): Promise<{ readonly call: Http; readonly baseUrl: string; readonly issuer: () => string }> => {
  const deployment = await findDeployment(options, env)
  const { call } = callsOf(deployment, deployment.personToken(options.as))
  return {
    baseUrl: deployment.baseUrl,
    call: <Answer>(path: string, more: Call = {}) => call<Answer>(path, { signal, ...more }),
    issuer: () => {
      const issuer = env['COUNTERSIGN_ISSUER'] ?? deployment.credentials?.issuer
      if (issuer === undefined) throw new Failure('it is not known at which issuer', { next: 'Name it with --issuer.' })
      return issuer
    },
  }
}

/** The text of a query, without what is not set. */
export const queryOf = (values: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value))
  return query.toString()
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The one person that an operator names: by the id of the directory, or by the subject at an issuer. With an issuer it is the
 * subject; else an id goes before a subject that looks like one, as those of Keycloak do. A name or an address names nobody,
 * because two people may have it.
 */
export const personNamed = async (
  call: Http,
  named: string,
  issuer?: string,
): Promise<PeopleList['people'][number]> => {
  const found = async (search: Parameters<typeof queryOf>[0]) =>
    (await call<PeopleList>(`/v1/directory/people?${queryOf({ ...search, limit: 2 })}`)).people
  const withId = issuer === undefined && uuid.test(named) ? await found({ person: named }) : []
  const [person, another] = withId.length > 0 ? withId : await found({ subject: named, issuer })
  if (person === undefined) {
    throw new Failure(`the directory knows nobody as ${plain(named)}`, {
      next: 'Say the id or the subject at the issuer; countersign people list shows both.',
      exitCode: exitCodes.refused,
    })
  }
  if (another !== undefined) {
    throw new Failure(`several issuers know ${plain(named)}`, { next: 'Say which with --issuer, or say the id.' })
  }
  return person
}

export type OwnerOptions = { readonly ownerPerson?: string; readonly ownerGroup?: string }

/** Adds the options that name an owner. */
export const withOwner = (command: Command): Command =>
  command
    .option('--owner-person <person>', 'id or subject of the person who answers for it')
    .option('--owner-group <group>', 'group whose people answer for it')

export const ownerNamed = async (call: Http, { ownerPerson, ownerGroup }: OwnerOptions): Promise<EntryOwner> => {
  if ((ownerPerson === undefined) === (ownerGroup === undefined))
    throw new Failure('there is one owner', { next: 'Name it with --owner-person or with --owner-group.' })
  if (ownerGroup !== undefined) return { group: ownerGroup }
  return { person: (await personNamed(call, ownerPerson ?? '')).person }
}

export const ownerText = (owner: EntryOwner | null): string => {
  if (owner === null) return 'nobody'
  return 'group' in owner ? `group ${plain(owner.group)}` : owner.person
}

/** Lines about the changes of an entry that nobody else has reviewed, and how to review them. */
export const openChangeLines = (changes: readonly OpenChange[], review: string): string[] => {
  const last = changes.at(-1)
  if (last === undefined) return ['unreviewed     nothing']
  return [
    ...changes.map(({ changeId, changedBy, changedAt, reason }) => {
      const why = reason === undefined ? '' : `: ${plain(reason)}`
      return `unreviewed     ${changeId} by ${changedBy} at ${changedAt}${why}`
    }),
    `               another person reviews them: ${review} --up-to ${last.changeId} --reason "..."`,
  ]
}

/** Says on the error stream where the next page begins. */
export const nextPage = (terminal: Terminal, next: string | undefined): void => {
  if (next !== undefined) terminal.err(`next: --after ${plain(next)}`)
}

/** Whether an entry of a register was removed, or has changes that nobody else has reviewed. */
export const entryState = ({
  removedAt,
  openChanges,
}: {
  readonly removedAt?: string
  readonly openChanges: readonly unknown[]
}): string => {
  if (removedAt !== undefined) return 'removed'
  return openChanges.length === 0 ? 'reviewed' : `${openChanges.length} unreviewed`
}
