import type { PolicySet } from '@countersign/policy-engine'

/** An event has room for so many characters of rule ids. */
const maxIdCharacters = 8_000

/** Actions that a rule names before or after its change; undefined when it speaks of any action. */
type Actions = ReadonlySet<string> | undefined

/** What a change of policy may bear on: the rules that were added, removed or changed, or everything. */
export type PolicyChange = ReadonlyMap<string, Actions> | 'everything'

/**
 * How two sets differ. A schema says which actions a group holds and what rules can read, so another schema changes every
 * rule; so does a set before that nobody can read (undefined). Before the first set there is nothing.
 */
export const changeBetween = (before: PolicySet | undefined | 'nothing', after: PolicySet): PolicyChange => {
  if (before === undefined || (before !== 'nothing' && before.schema !== after.schema)) return 'everything'
  const old = before === 'nothing' ? new Map<string, never>() : before.rules
  const change = new Map<string, Actions>()
  for (const id of new Set([...old.keys(), ...after.rules.keys()])) {
    const [was, is] = [old.get(id), after.rules.get(id)]
    if (was?.source === is?.source) continue
    const named = [was, is].filter((rule) => rule !== undefined).map(({ actions }) => actions)
    change.set(id, named.includes(undefined) ? undefined : new Set(named.flatMap((actions) => [...(actions ?? [])])))
  }
  return change
}

/** Whether a change may have had a part in a decision about an action, which these rules determined. */
export const bearsOn = (
  change: PolicyChange,
  { action, rules }: { readonly action: string; readonly rules: readonly string[] },
): boolean =>
  change === 'everything' ||
  rules.some((rule) => change.has(rule)) ||
  [...change.values()].some((actions) => actions === undefined || actions.has(action))

/** Ids of the rules that differ, sorted, for the event. Empty also stands for all rules, as when they don't fit. */
export const changedRules = (before: PolicySet | undefined | 'nothing', after: PolicySet): string[] => {
  const change = changeBetween(before, after)
  if (change === 'everything') return []
  const ids = [...change.keys()]
  const fits = ids.length <= 512 && ids.reduce((sum, id) => sum + id.length + 3, 0) <= maxIdCharacters
  return fits ? ids.toSorted() : []
}
