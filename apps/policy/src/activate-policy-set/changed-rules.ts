import type { RecordedEventOf } from '@countersign/contracts'
import type { PolicySet } from '@countersign/policy-engine'

/** An event has room for so many characters of rule ids. */
const maxIdCharacters = 8_000

/**
 * Ids of the rules that differ between two sets, sorted. Empty when they don't fit an event, which readers take for all
 * rules: `changedBy` does.
 */
export const changedRules = (previous: PolicySet | undefined, next: PolicySet): string[] => {
  const before = new Map([...(previous?.rules.values() ?? [])].map(({ id, source }) => [id, source]))
  const after = new Map([...next.rules.values()].map(({ id, source }) => [id, source]))
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((id) => before.get(id) !== after.get(id))
  const fits = changed.length <= 512 && changed.reduce((sum, id) => sum + id.length + 3, 0) <= maxIdCharacters
  return fits ? changed.toSorted() : []
}

/**
 * Who changed one of these rules since the first set, by the tenant's register. Nothing records yet that another person
 * reviewed a change, so they stay excluded from approving under it. What was seeded counts as reviewed.
 */
export const authorsOf = (
  history: readonly { readonly type: string; readonly data: unknown }[],
  rules: readonly string[],
): string[] => {
  const determining = new Set(rules)
  const authors = history.flatMap((event) => {
    if (event.type !== 'PolicySetActivated') return []
    const { activatedBy, seeded, changedRules: changed } = event.data as RecordedEventOf<'PolicySetActivated'>['data']
    if (seeded || activatedBy === null) return []
    return changed.length === 0 || changed.some((rule) => determining.has(rule)) ? [activatedBy] : []
  })
  return [...new Set(authors)].slice(-64)
}
