import type { IntentEvent } from '@countersign/contracts'
import type { IntentCommand } from './commands.ts'
import { published } from './intent.fixture.ts'

/** One accepted command with the events it led to. */
export type Step = { readonly command: IntentCommand; readonly events: readonly IntentEvent[] }

const terminal = new Set([
  'IntentDenied',
  'ReviewDenied',
  'IntentWithdrawn',
  'IntentExpired',
  'GrantRevoked',
  'GrantExpired',
  'ExecutionSucceeded',
  'ExecutionFailed',
  'ExecutionReconciled',
])

/** Seats by brute force: some assignment of distinct people fills all. Independent of the matching under test. */
const canFill = (slots: readonly string[], people: readonly (readonly string[])[]): boolean => {
  const [slot, ...rest] = slots
  if (slot === undefined) return true
  return people.some(
    (groups, index) =>
      groups.includes(slot) &&
      canFill(
        rest,
        people.filter((_, other) => other !== index),
      ),
  )
}

/**
 * The rules that every history must keep, told from the events and the commands that were accepted, without the state
 * machine. Answers the first rule that is broken.
 */
export const brokenRule = (excluded: ReadonlySet<string>, steps: readonly Step[]): string | undefined => {
  const seen: IntentEvent[] = []
  for (const { command, events } of steps) {
    for (const event of events) {
      const before = (type: IntentEvent['type']) => seen.some((earlier) => earlier.type === type)
      if (seen.some(({ type }) => terminal.has(type))) return `${event.type} after the end`
      const now = Date.parse(command.now)
      switch (event.type) {
        case 'VerdictRecorded': {
          const review = seen.find((earlier) => earlier.type === 'ReviewRequested')
          if (review === undefined || before('ReviewApproved')) return 'a verdict without an open review'
          if (now >= Date.parse(review.data.deadline)) return 'a verdict after the deadline'
          if (excluded.has(event.data.person)) return 'a verdict of somebody excluded'
          if (
            event.data.verdict === 'approve' &&
            review.data.assurance !== undefined &&
            (command.type !== 'RecordVerdict' || command.assurance !== 'mfa')
          )
            return 'a yes of somebody who did not sign in as demanded'
          if (
            event.data.verdict === 'approve' &&
            seen.some((earlier) => earlier.type === 'VerdictRecorded' && earlier.data.person === event.data.person)
          )
            return 'a person counted twice'
          break
        }
        case 'ReviewApproved': {
          const review = seen.find((earlier) => earlier.type === 'ReviewRequested')
          const approvals = seen.flatMap((earlier) =>
            earlier.type === 'VerdictRecorded' && earlier.data.verdict === 'approve' ? [earlier.data] : [],
          )
          const people = new Map(approvals.map(({ person, eligibleSeats }) => [person, eligibleSeats]))
          const slots = review?.data.seats.flatMap(({ group, count }) => Array<string>(count).fill(group)) ?? ['nobody']
          if (!canFill(slots, [...people.values()])) return 'approved with too few people'
          break
        }
        case 'GrantIssued':
          if (before('GrantIssued')) return 'a second grant'
          if (!before('IntentAllowed') && !before('ReviewApproved')) return 'a grant without a yes'
          if (now >= Date.parse(published().deadline)) return 'a grant after the deadline'
          break
        case 'GrantRedeemed': {
          const grant = seen.find((earlier) => earlier.type === 'GrantIssued')
          if (grant === undefined) return 'a redemption without a grant'
          if (before('GrantRedeemed')) return 'a grant used twice'
          if (now >= Date.parse(grant.data.expiresAt)) return 'a grant used after its end'
          if (command.type !== 'RedeemGrant' || command.presentedDigest !== published().actionDigest)
            return 'another action than was approved'
          break
        }
        case 'ExecutionStarted':
        case 'ExecutionSucceeded':
        case 'ExecutionFailed':
          if (!before('GrantRedeemed')) return 'an execution without a redemption'
          break
        default:
          break
      }
      seen.push(event)
    }
  }
  return undefined
}
