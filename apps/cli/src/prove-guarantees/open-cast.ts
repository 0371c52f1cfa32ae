import { http } from '@countersign/client'
import type { Cast } from '@countersign/conformance'
import type { GroupList } from '@countersign/contracts'
import type { Credentials } from '../find-deployment/credentials.ts'
import { Failure } from '../exit-codes.ts'
import { trialTokens } from './trial-tokens.ts'

/**
 * Whom a fresh instance knows already: an agent with its owner, who is a security admin too, and its producer, an operator, a
 * client of another tenant.
 */
const known = { agent: 'etl-bot', owner: 'dana', producer: 'etl-producer', operator: 'ben', foreign: 'replay' } as const
const reviewers = 'trial-reviewers'
const crowdSize = 14

/** An instance to be thrown away. */
export type TrialInstance = {
  readonly dataDir: string
  readonly credentials: Pick<Credentials, 'baseUrl' | 'issuer' | 'audience' | 'cliClientId' | 'people'>
}

/** Registers everybody whom the guarantees need in a fresh instance, as its operator and over its public interface. */
export const openCast = async ({ dataDir, credentials }: TrialInstance, signal: AbortSignal): Promise<Cast> => {
  const { baseUrl, issuer, people } = credentials
  const tokens = await trialTokens(dataDir, credentials)
  const operator = await tokens.person(known.operator)
  const secondPerson = await tokens.person(known.owner)
  const call = http(baseUrl, async () => operator)
  const register = async (subject: string, displayName: string): Promise<string> => {
    const body = { issuer, subject, displayName }
    const { person } = await call<{ person: string }>('/v1/directory/people', { method: 'POST', body, signal })
    return person
  }
  // Whom one person puts into a group counts once another has reviewed it.
  const join = async (group: string, add: readonly string[]): Promise<void> => {
    await call('/v1/directory/groups', { method: 'POST', body: { group, add }, signal })
    const { groups } = await call<GroupList>(`/v1/directory/groups?name=${group}`, { signal })
    const upTo = groups[0]?.openChanges.at(-1)?.changeId
    if (upTo === undefined) return
    const body = { name: group, upTo, reason: 'trial' }
    await http(baseUrl, async () => secondPerson)('/v1/directory/groups/review', { method: 'POST', body, signal })
  }

  const crowd = Array.from({ length: crowdSize }, (_, at) => `trial-reviewer-${at + 3}`)
  const [asker, first, second] = ['trial-asker', 'trial-reviewer-1', 'trial-reviewer-2'] as const
  const ownerName = people[known.owner]?.name
  if (ownerName === undefined) throw new Failure('the instance has no owner of its agent')
  const [owner, auditor, , ...seated] = await Promise.all([
    register(known.owner, ownerName),
    register('trial-auditor', 'An auditor'),
    register('trial-onlooker', 'Somebody without a seat'),
    ...[asker, first, second, ...crowd].map((subject) => register(subject, subject)),
  ])
  await join(
    reviewers,
    [owner, ...seated].flatMap((person) => person ?? []),
  )
  await join('auditors', auditor === undefined ? [] : [auditor])
  return {
    agentName: known.agent,
    agent: await tokens.client(known.agent),
    delegatedAgent: await tokens.client(known.agent, { act: { sub: asker } }),
    anotherAgent: await tokens.client(known.producer),
    foreignAgent: await tokens.client(known.foreign),
    owner: secondPerson,
    asker: await tokens.person(asker),
    askerName: { issuer, subject: asker },
    reviewer: await tokens.person(first),
    secondReviewer: await tokens.person(second),
    crowd: await Promise.all(crowd.map((subject) => tokens.person(subject))),
    onlooker: await tokens.person('trial-onlooker'),
    operator,
    auditor: await tokens.person('trial-auditor'),
    forged: await tokens.forged(known.agent),
  }
}
