import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { accepted, given, Unproven } from './evidence.ts'
import type { Ask, Cast, Credential, Grant, Outcome, Standing, Verdict } from './gate.ts'
import type { Trial } from './guarantee.ts'

/** Actions of the policy set beside this package. */
export const actions = {
  allowed: 'trial.allowed',
  brief: 'trial.brief',
  reviewed: 'trial.reviewed',
  reviewedByTwo: 'trial.reviewed-by-two',
  urgent: 'trial.urgent',
  forbidden: 'trial.forbidden',
  unknown: 'trial.unheard-of',
} as const

/** Somebody or something of the cast. @throws Unproven when the tenant has nobody for it */
export const one = <Name extends keyof Cast>(cast: Cast, name: Name): NonNullable<Cast[Name]> => {
  const found = cast[name]
  if (found === undefined) throw new Unproven(`there is nobody to act as ${name}`)
  return found
}

/** A request of its own: no other check asks for the same. */
export const askFor = (action: string, over: Partial<Ask> = {}): Ask => ({
  action,
  target: `trial/${randomUUID()}`,
  environment: 'trial',
  parameters: { table: 'customers', bucket: 'partner' },
  ...over,
})

export type Asked = { readonly intentId: string; readonly ask: Ask }
export type InReview = Asked & { readonly reviewId: string }
export type Granted = Asked & { readonly grant: Grant }

/** Publishes and waits until policy has answered. */
export const asked = async (
  { gate, cast }: Trial,
  ask: Ask,
  as: Credential = one(cast, 'agent'),
): Promise<Asked & Standing> => {
  const { intentId } = accepted('the request', await gate.publish(as, ask))
  const standing = accepted('reading the request', await gate.readIntent(as, intentId))
  return { intentId, ask, ...standing }
}

/** A request that waits for a human. */
export const inReview = async (trial: Trial, ask = askFor(actions.reviewed), as?: Credential): Promise<InReview> => {
  const { intentId, state, reviewId } = await asked(trial, ask, as)
  given(state === 'in_review', `the request is ${state}, not in review`)
  if (reviewId === undefined) throw new Unproven('the request has no review')
  return { intentId, ask, reviewId }
}

const looks = 100
const lookMs = 20

/** Looks again until there is something. @throws Unproven when it does not come */
export const until = async <Seen>(
  what: string,
  { signal }: Trial,
  look: () => Promise<Seen | undefined>,
): Promise<Seen> => {
  for (let tries = 0; tries < looks; tries++) {
    const seen = await look()
    if (seen !== undefined) return seen
    await delay(lookMs, undefined, { signal })
  }
  throw new Unproven(`${what} did not come`)
}

/** What a reviewer is shown, as soon as the review is open to them. */
export const shownToReviewer = (trial: Trial, reviewId: string): Promise<string> =>
  until('the review', trial, async () => {
    const read = await trial.gate.readReview(one(trial.cast, 'reviewer'), reviewId)
    return read.accepted ? read.value.shown : undefined
  })

/**
 * Answers a review as `as`, on what they are shown; who may not see it answers on what a reviewer is shown, as somebody would
 * to whom it was passed on.
 */
export const decide = async (
  trial: Trial,
  as: Credential,
  reviewId: string,
  verdict: Verdict['verdict'] = 'approve',
): Promise<Outcome<{ readonly state: string }>> => {
  const passedOn = await shownToReviewer(trial, reviewId)
  const own = await trial.gate.readReview(as, reviewId)
  const shown = own.accepted ? own.value.shown : passedOn
  return trial.gate.decide(as, reviewId, { verdict, shown, reason: 'a trial of the gate' })
}

/** How a request stands now, for the agent that asked. */
export const stateOf = async ({ gate, cast }: Trial, intentId: string): Promise<string> =>
  accepted('reading the request', await gate.readIntent(one(cast, 'agent'), intentId)).state

/** A reviewer's yes, without which a refused one proves nothing. */
export const approvedBy = async (trial: Trial, as: Credential, reviewId: string): Promise<void> => {
  const outcome = await decide(trial, as, reviewId)
  const { state } = accepted("the reviewer's approval", outcome)
  given(state === 'approved', `after the reviewer's approval the request is ${state}`)
}

/** A request that was allowed and whose grant was collected. */
export const granted = async (trial: Trial, ask = askFor(actions.allowed)): Promise<Granted> => {
  const { intentId, state } = await asked(trial, ask)
  given(state === 'allowed', `the request is ${state}, not allowed`)
  const grant = accepted('collecting the grant', await trial.gate.collect(one(trial.cast, 'agent'), intentId))
  return { intentId, ask, grant }
}

/** Uses a grant as approved, without which a refused use proves nothing. */
export const usedAsApproved = async ({ gate, cast }: Trial, { grant, ask }: Granted): Promise<string> => {
  const outcome = await gate.redeem(one(cast, 'agent'), grant, ask, randomUUID())
  return accepted('using the grant as approved', outcome).receiptId
}
