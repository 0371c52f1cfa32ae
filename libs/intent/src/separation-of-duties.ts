import type { RefusalCode } from '@countersign/contracts'
import type { Standing } from './commands.ts'
import type { Intent } from './state.ts'

/** Every subject under which the natural person behind one is known, that one first. */
export const sameHuman = (person: string, { alsoKnownAs }: Standing): readonly string[] => [
  person,
  ...(alsoKnownAs?.get(person) ?? []),
]

/**
 * Why `person` may never say yes to this intent, or undefined. A shared account or a program is no person. Nobody approves their own: not the requester or whom they
 * act for, not an owner of agent or producer (when it was published or now), nobody the request passed through or merely
 * named, and nobody whose own change to policy, group or agent has not been seen by another person. There is no exception
 * for administrators. Whoever is known at several identity providers is judged as all of them. Whom somebody of these has
 * put into a seat themselves, unseen by another person, says yes for nobody either: it may be themselves by another name.
 */
export const exclusion = (person: string, intent: Intent, standing: Standing): RefusalCode | undefined => {
  if (standing.notHuman?.includes(person) === true) return 'not_human'
  const known = sameHuman(person, standing)
  const own = ownership(known, intent, standing)
  if (own !== undefined) return own
  const isAuthor = known.some((one) =>
    [...(intent.review?.excludedAuthors ?? []), ...standing.unreviewedAuthors].includes(one),
  )
  if (isAuthor) return 'policy_author'
  const seatedBy = known.flatMap((one) => standing.seatedBy?.get(one) ?? [])
  return ownership(seatedBy, intent, standing) === undefined ? undefined : 'seated_by_party'
}

/** Why the request is somebody's own who is known by any of these; undefined when it is not. */
const ownership = (known: readonly string[], intent: Intent, standing: Standing): RefusalCode | undefined => {
  const { requester, onBehalfOf, agent, executor, owners, delegation, assertedParties } = intent.published
  const isAmong = (...people: readonly (string | null)[]): boolean => known.some((one) => people.includes(one))
  if (isAmong(requester, onBehalfOf, agent.subjectId, executor.subjectId)) return 'self_approval'
  if (isAmong(...owners, ...standing.owners)) return 'owner_of_agent'
  if (isAmong(...delegation, ...assertedParties)) return 'in_delegation_chain'
  return undefined
}
