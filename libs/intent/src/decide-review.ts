import { refuse, type IntentEvent, type Refusal, type RefusalCode } from '@countersign/contracts'
import type { RecordVerdict, Standing } from './commands.ts'
import { meetsDemand } from './assurance.ts'
import { exclusion, sameHuman } from './separation-of-duties.ts'
import { fillSeats, seatCount, type Candidate, type FilledSeat } from './seats.ts'
import type { Intent, ReviewState } from './state.ts'
import { after, earlier, isPast } from './time.ts'

/** Seats that a person may fill: of groups that they hold now and held when the review was asked for. */
const seatGroups = (person: string, { groupsOf, heldWhenAsked }: Standing): readonly string[] => {
  const before = heldWhenAsked.get(person) ?? []
  return (groupsOf.get(person) ?? []).filter((group) => before.includes(group))
}

/**
 * Approvals that count at this moment: whoever lost the seat or became excluded since does not, nor does a second one of the
 * same human being.
 */
const standingApprovals = (intent: Intent, review: ReviewState, standing: Standing): Candidate[] =>
  review.verdicts
    .filter(({ verdict, person }) => verdict === 'approve' && exclusion(person, intent, standing) === undefined)
    .map(({ person }) => ({ person, groups: seatGroups(person, standing) }))
    .filter(({ person }, at, all) => {
      const known = sameHuman(person, standing)
      return !all.slice(0, at).some((earlierOne) => known.includes(earlierOne.person))
    })

/** The seats that are filled now, with every approver's standing checked again. */
export const filledSeats = (intent: Intent, standing: Standing): FilledSeat[] =>
  intent.review === undefined ? [] : fillSeats(intent.review.seats, standingApprovals(intent, intent.review, standing))

export const everySeatFilled = (intent: Intent, standing: Standing): boolean =>
  intent.review !== undefined && filledSeats(intent, standing).length === seatCount(intent.review.seats)

/** Which review this is and whether it still takes verdicts. */
const openReview = (intent: Intent, { reviewId, now }: RecordVerdict): ReviewState | Refusal => {
  const { review, status, published } = intent
  if (review === undefined || review.reviewId !== reviewId) return refuse('unknown_review')
  if (status !== 'in_review') return refuse(status === 'expired' ? 'review_expired' : 'review_closed')
  if (isPast(now, review.deadline) || isPast(now, published.deadline))
    return refuse('review_expired', { expiresAt: review.deadline })
  return review
}

/** Whether the reviewer decided on what is asked, wholly shown. */
const presentationProblem = (intent: Intent, { presentation, verdict }: RecordVerdict): RefusalCode | undefined => {
  if (presentation === undefined || presentation.actionDigest !== intent.published.actionDigest) return 'card_stale'
  return verdict === 'approve' && !presentation.complete ? 'card_incomplete' : undefined
}

/**
 * One verdict. Refused are, in this order: who is nobody, a review that is not open, everybody while the directory is stale,
 * whoever decides through a program that holds their token, people who are inactive, excluded, hold no seat that counts or got theirs after it was asked for, a second yes, what is said to
 * something else than what was shown, a yes that fills no seat, and a yes of somebody who did not sign in as the review
 * demands. A no by anyone eligible ends the review, however they signed in and
 * also by someone who said yes before; the yes that fills the last seat approves it.
 */
export const decideVerdict = (command: RecordVerdict, intent: Intent): IntentEvent[] | Refusal => {
  const { person, verdict, standing, now } = command
  if (person === null) return refuse('account_not_linked')
  const review = openReview(intent, command)
  if ('refused' in review) return review
  if (standing.directoryStale === true) return refuse('directory_stale')
  if (standing.throughProgram === true) return refuse('not_human')
  const held = standing.groupsOf.get(person)
  if (held === undefined) return refuse('person_inactive')
  const excluded = exclusion(person, intent, standing)
  if (excluded !== undefined) return refuse(excluded)
  const holdsOne = (groups: readonly string[]): boolean => review.seats.some(({ group }) => groups.includes(group))
  if (!holdsOne(held))
    return refuse(holdsOne(standing.awaitingReview?.get(person) ?? []) ? 'seat_unreviewed' : 'not_eligible')
  const groups = seatGroups(person, standing)
  const eligibleSeats = review.seats.map((seat) => seat.group).filter((group) => groups.includes(group))
  if (eligibleSeats.length === 0) return refuse('joined_after_request')
  const known = sameHuman(person, standing)
  const before = review.verdicts.find((counted) => known.includes(counted.person))
  if (before !== undefined && verdict === 'approve') return refuse('already_voted')
  const problem = presentationProblem(intent, command)
  if (problem !== undefined || command.presentation === undefined) return refuse(problem ?? 'card_stale')
  if (verdict === 'deny' && command.reasonCommitment === undefined) return refuse('reason_required')
  const filled =
    verdict === 'approve'
      ? fillSeats(review.seats, [...standingApprovals(intent, review, standing), { person, groups }])
      : []
  if (verdict === 'approve') {
    if (!filled.some((seat) => seat.person === person)) return refuse('seat_taken')
    const { assurance } = review
    if (assurance !== undefined && !meetsDemand(command, assurance)) return refuse('step_up_required', { assurance })
  }

  const { intentId, actionDigest, deadline } = intent.published
  const onOneWord = (standing.onOneWord?.get(person) ?? []).filter(({ group }) => eligibleSeats.includes(group))
  const recorded: IntentEvent = {
    type: 'VerdictRecorded',
    data: {
      intentId,
      reviewId: review.reviewId,
      verdict,
      person,
      account: command.account,
      eligibleSeats,
      ...(onOneWord.length === 0 ? {} : { onOneWord }),
      assurance: command.assurance,
      ...(command.authTime === undefined ? {} : { authTime: command.authTime }),
      channel: command.channel,
      actionDigest,
      presentationDigest: command.presentation.digest,
      ...(command.reasonCommitment === undefined ? {} : { reasonCommitment: command.reasonCommitment }),
      ...(command.sealedReasonId === undefined ? {} : { sealedReasonId: command.sealedReasonId }),
      ...(command.signature === undefined ? {} : { signature: command.signature }),
      ...(command.subjects === undefined || command.subjects.length === 0 ? {} : { subjects: [...command.subjects] }),
    },
  }
  if (verdict === 'deny') {
    return [recorded, { type: 'ReviewDenied', data: { intentId, reviewId: review.reviewId, by: person } }]
  }
  if (filled.length < seatCount(review.seats)) return [recorded]
  const collectBefore = earlier(after(now, command.collectWithinMs), deadline)
  return [
    recorded,
    { type: 'ReviewApproved', data: { intentId, reviewId: review.reviewId, seats: filled, collectBefore } },
  ]
}
