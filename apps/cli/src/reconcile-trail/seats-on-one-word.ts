import { type AuditRow, eventOf } from './read-rows.ts'

/** A verdict that counted on a seat which rested on one person's word. Such a verdict stands; an auditor may want to look. */
export type VerdictOnOneWord = {
  readonly eventId: string
  readonly intentId: string
  readonly at: number
  readonly verdict: 'approve' | 'deny'
  /** Subject id of whoever gave the verdict. */
  readonly person: string
  readonly group: string
  /** Subject id of whose word it was. */
  readonly word: string
  /** The first review since, of who was given the seat, by somebody whose word is another. */
  readonly reviewed?: { readonly at: number; readonly by: string }
}

type Told = VerdictOnOneWord & { readonly change: number | undefined }

/**
 * Verdicts that counted while their seat rested on one person's word, in the order of the rows. A yes counts for the seat that it
 * filled; one whose review is still open, for each that it could fill.
 */
export const verdictsOnOneWord = (rows: readonly AuditRow[]): VerdictOnOneWord[] => {
  let told: Told[] = []
  for (const row of rows) {
    switch (eventOf(row)) {
      case 'VerdictRecorded':
        told.push(...seatsOf(row))
        break
      case 'ReviewApproved':
        told = told.filter((seat) => counted(row, seat))
        break
      case 'DirectoryReviewed':
      case 'DirectoryFeedReviewed':
        told = told.map((seat) => reviewedBy(row, seat))
        break
      default:
    }
  }
  return told.map(({ change: _change, ...seat }) => seat)
}

const denied = 'review.deny'

const seatsOf = (row: AuditRow): Told[] =>
  (row.unmapped?.on_one_word ?? []).map(({ group, word, change }) => ({
    eventId: row.metadata.uid,
    intentId: row.metadata.correlation_uid ?? '',
    at: row.time,
    verdict: row.api?.operation === denied ? 'deny' : 'approve',
    person: row.actor?.user?.uid ?? '',
    group,
    word,
    change,
  }))

/** Whether a verdict of another intent, a no, or a yes in the seat that it filled. */
const counted = (row: AuditRow, { intentId, verdict, person, group }: Told): boolean => {
  if (row.metadata.correlation_uid !== intentId || verdict === 'deny') return true
  const groups = (row.authorizations ?? []).map(({ policy }) => policy?.name)
  return (row.unmapped?.approvers ?? []).some((approver, at) => approver === person && groups[at] === group)
}

const reviewedBy = (row: AuditRow, seat: Told): Told => {
  const by = row.actor?.user?.uid ?? ''
  const isTheirs = seat.change !== undefined && (row.unmapped?.changes ?? []).includes(seat.change)
  const isAnother = (row.unmapped?.word ?? by) !== seat.word
  return seat.reviewed === undefined && isTheirs && isAnother ? { ...seat, reviewed: { at: row.time, by } } : seat
}
