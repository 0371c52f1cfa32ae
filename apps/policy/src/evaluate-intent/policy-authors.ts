import type { RecordedEventOf } from '@countersign/contracts'
import type { StoredEvent, Transaction } from '@countersign/event-store'
import type { PolicySet } from '@countersign/policy-engine'
import { bearsOn, changeBetween, type PolicyChange } from '../activate-policy-set/changed-rules.ts'
import { loadBundle } from '../active-sets.ts'

const keptOutMs = 7 * 86_400_000
/** Reading two sets takes a good part of a second; of what was changed before so many changes it is not asked what. */
const examinedChanges = 128
const keptChanges = 4_096

type Activated = RecordedEventOf<'PolicySetActivated'>['data']
type Unreviewed = { readonly author: string; readonly from: string | null; readonly to: string }

/** A change that its author may not approve under. */
export type AuthoredChange = { readonly author: string; readonly change: PolicyChange }

/** Events of a tenant's register of policy sets, and the database's time at which they were read. */
export type PolicyHistory = { readonly tenantId: string; readonly events: readonly StoredEvent[]; readonly now: string }

/**
 * Whoever activated a change that may have had a part in a decision: of a rule that determined it, or of one that could
 * speak about the action, before or after the change. So who deletes a forbid does not approve what it forbade.
 */
export const authorsOf = (
  changes: readonly AuthoredChange[],
  decision: { readonly action: string; readonly rules: readonly string[] },
): string[] => [...new Set(changes.filter(({ change }) => bearsOn(change, decision)).map(({ author }) => author))]

/**
 * Changes of policy whose authors stay excluded: all since the seeded set for 7 days, and after that until another person
 * has reviewed them. What changed is read from the stored sets, which their digests hold to what was activated; where one
 * can't be read, everything may have changed.
 */
export class PolicyAuthors {
  readonly #changes = new Map<string, PolicyChange>()

  /** By tenant, as this transaction sees them. */
  async read(
    tx: Transaction,
    histories: readonly PolicyHistory[],
  ): Promise<ReadonlyMap<string, readonly AuthoredChange[]>> {
    const found = new Map<string, AuthoredChange[]>()
    for (const history of histories) {
      const changes: AuthoredChange[] = []
      const unreviewed = await unreviewedChanges(tx, history)
      for (const [place, { author, from, to }] of unreviewed.toReversed().entries())
        changes.push({
          author,
          change: place < examinedChanges ? await this.#change(tx, history.tenantId, { from, to }) : 'everything',
        })
      found.set(history.tenantId, changes)
    }
    return found
  }

  async #change(tx: Transaction, tenantId: string, { from, to }: Omit<Unreviewed, 'author'>): Promise<PolicyChange> {
    const name = `${tenantId}/${from}/${to}`
    const kept = this.#changes.get(name)
    if (kept !== undefined) return kept
    const sets = await readSets(tx, tenantId, from === null ? [to] : [from, to])
    const after = sets.get(to)
    const before = from === null ? 'nothing' : sets.get(from)
    const change = after === undefined ? 'everything' : changeBetween(before, after)
    const oldest = this.#changes.keys().next()
    if (this.#changes.size >= keptChanges && oldest.done !== true) this.#changes.delete(oldest.value)
    this.#changes.set(name, change)
    return change
  }
}

const unreviewedChanges = async (
  tx: Transaction,
  { tenantId, events, now }: PolicyHistory,
): Promise<readonly Unreviewed[]> => {
  const activations = events.flatMap((event) =>
    event.type === 'PolicySetActivated' ? [{ ...(event.data as Activated), at: event.recordedAt }] : [],
  )
  const sinceSeeded = activations.slice(activations.findLastIndex(({ seeded }) => seeded) + 1)
  if (sinceSeeded.length === 0) return []
  const reviews = await readReviews(tx, tenantId)
  return sinceSeeded.flatMap((activation) => {
    const { digest: to, previousDigest: from, activatedBy: author, at } = activation
    if (author === null) return []
    // A review is of a set as it first came in: activating the set again later is a change of its own.
    const isFirst = activations.find(({ digest }) => digest === to) === activation
    const reviewer = isFirst ? (reviews.get(to) ?? null) : null
    const isReviewed = reviewer !== null && reviewer !== author
    return isReviewed && Date.parse(now) - Date.parse(at) > keptOutMs ? [] : [{ author, from, to }]
  })
}

const readReviews = async (tx: Transaction, tenantId: string): Promise<Map<string, string | null>> => {
  const { rows } = await tx.query<{ digest: string; reviewed_by: string | null }>(
    'select digest, reviewed_by from countersign.policy_set where tenant_id = $1',
    [tenantId],
  )
  return new Map(rows.map((row): [string, string | null] => [row.digest, row.reviewed_by]))
}

const readSets = async (
  tx: Transaction,
  tenantId: string,
  digests: readonly string[],
): Promise<Map<string, PolicySet | undefined>> => {
  const { rows } = await tx.query<{ digest: string; bundle: string }>(
    'select digest, bundle from countersign.policy_set where tenant_id = $1 and digest = any ($2::text[])',
    [tenantId, digests],
  )
  return new Map(rows.map(({ digest, bundle }) => [digest, loadBundle(digest, bundle)]))
}
