import { type AuditRow, eventOf } from './read-rows.ts'
import { type VerdictOnOneWord, verdictsOnOneWord } from './seats-on-one-word.ts'

/** A verdict that does not stand against the directory as it was at that moment. */
export type VerdictFinding = {
  readonly kind: 'unknown_person' | 'inactive_person' | 'account_not_linked' | 'account_of_another' | 'not_in_group'
  readonly eventId: string
  readonly intentId: string
  readonly at: number
  /** Subject id; names are the directory's. */
  readonly person: string
  readonly group?: string
}

export type ComparedVerdicts = {
  readonly verdicts: number
  readonly seats: number
  readonly findings: readonly VerdictFinding[]
  /** They stand, and are no findings. */
  readonly onOneWord: readonly VerdictOnOneWord[]
}

type Directory = {
  readonly active: Map<string, boolean>
  readonly members: Map<string, Set<string>>
  readonly accounts: Map<string, string>
}

/**
 * Goes through the audit rows in their order, keeps the directory as the register events make it, and holds each verdict's
 * person and account, and each filled seat's group, against it as it is at that row.
 */
export const compareVerdicts = (rows: readonly AuditRow[]): ComparedVerdicts => {
  const directory: Directory = { active: new Map(), members: new Map(), accounts: new Map() }
  const findings: VerdictFinding[] = []
  let verdicts = 0
  let seats = 0
  for (const row of rows) {
    switch (eventOf(row)) {
      case 'VerdictRecorded':
        verdicts += 1
        findings.push(...problemsOfVerdict(row, directory))
        break
      case 'ReviewApproved':
        seats += row.unmapped?.approvers?.length ?? 0
        findings.push(...problemsOfSeats(row, directory))
        break
      default:
        keep(row, directory)
    }
  }
  return { verdicts, seats, findings, onOneWord: verdictsOnOneWord(rows) }
}

const disabled = 9

const keep = (row: AuditRow, { active, members, accounts }: Directory): void => {
  const { entity = {}, unmapped = {}, activity_id: activity } = row
  const { uid = '', name = '' } = entity
  switch (eventOf(row)) {
    case 'DirectoryPersonRegistered':
      active.set(uid, activity !== disabled)
      break
    case 'DirectoryGroupChanged': {
      const group = members.get(name) ?? new Set()
      for (const person of unmapped.added ?? []) group.add(person)
      for (const person of unmapped.removed ?? []) group.delete(person)
      members.set(name, group)
      break
    }
    case 'AccountLinked':
      if (unmapped.account !== undefined) accounts.set(unmapped.account, uid)
      break
    case 'AccountUnlinked':
      if (unmapped.account !== undefined) accounts.delete(unmapped.account)
      break
    default:
  }
}

const findingIn = (row: AuditRow, person: string): Omit<VerdictFinding, 'kind'> => ({
  eventId: row.metadata.uid,
  intentId: row.metadata.correlation_uid ?? '',
  at: row.time,
  person,
})

const problemOfPerson = (person: string, { active }: Directory): VerdictFinding['kind'] | undefined => {
  const isActive = active.get(person)
  if (isActive === undefined) return 'unknown_person'
  return isActive ? undefined : 'inactive_person'
}

const problemsOfVerdict = (row: AuditRow, directory: Directory): VerdictFinding[] => {
  const person = row.actor?.user?.uid ?? ''
  const found: (VerdictFinding['kind'] | undefined)[] = [problemOfPerson(person, directory)]
  const account = row.unmapped?.account
  // Somebody who signed in is their own account.
  if (account !== undefined && account !== person) {
    const holder = directory.accounts.get(account)
    if (holder !== person) found.push(holder === undefined ? 'account_not_linked' : 'account_of_another')
  }
  return found.flatMap((kind) => (kind === undefined ? [] : [{ kind, ...findingIn(row, person) }]))
}

const problemsOfSeats = (row: AuditRow, directory: Directory): VerdictFinding[] => {
  const groups = (row.authorizations ?? []).flatMap(({ policy }) =>
    policy?.type === 'seat' ? (policy.name ?? '') : [],
  )
  return (row.unmapped?.approvers ?? []).flatMap((person, at): VerdictFinding[] => {
    const group = groups[at] ?? ''
    const kind = problemOfPerson(person, directory)
    if (kind !== undefined) return [{ kind, ...findingIn(row, person) }]
    const isMember = directory.members.get(group)?.has(person) === true
    return isMember ? [] : [{ kind: 'not_in_group', group, ...findingIn(row, person) }]
  })
}
