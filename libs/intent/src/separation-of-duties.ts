import type { RefusalCode } from '@countersign/contracts'
import type { Standing } from './commands.ts'
import type { Intent } from './state.ts'

/**
 * Why `person` may never say yes to this intent, or undefined. A shared account or a program is no person. Nobody approves their own: not the requester or whom they
 * act for, not an owner of agent or producer (when it was published or now), nobody the request passed through or merely
 * named, and nobody whose own change to policy, group or agent has not been seen by another person. There is no exception
 * for administrators.
 */
export const exclusion = (person: string, intent: Intent, standing: Standing): RefusalCode | undefined => {
  const { requester, onBehalfOf, agent, executor, owners, delegation, assertedParties } = intent.published
  if (standing.notHuman?.includes(person) === true) return 'not_human'
  if (person === requester || person === onBehalfOf || person === agent.subjectId || person === executor.subjectId)
    return 'self_approval'
  if (owners.includes(person) || standing.owners.includes(person)) return 'owner_of_agent'
  if (delegation.includes(person) || assertedParties.includes(person)) return 'in_delegation_chain'
  if (intent.review?.excludedAuthors.includes(person) || standing.unreviewedAuthors.includes(person))
    return 'policy_author'
  return undefined
}
