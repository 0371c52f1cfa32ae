import { describe, expect, it } from 'vitest'
import { compareVerdicts } from './compare-verdicts.ts'
import { linesOfVerdicts } from './finding-lines.ts'
import type { AuditRow } from './read-rows.ts'

type Over = Omit<Partial<AuditRow>, 'unmapped'> & { readonly unmapped?: object }
const row = (event: string, over: Over): AuditRow =>
  ({
    time: 1,
    metadata: { uid: `${event}-id`, event_code: `dev.countersign.${event}.v1`, correlation_uid: 'intent-1' },
    ...over,
  }) as AuditRow

const person = (uid: string, activity = 1) =>
  row('DirectoryPersonRegistered', { entity: { uid }, activity_id: activity })
const group = (name: string, change: object) => row('DirectoryGroupChanged', { entity: { name }, unmapped: change })
const linked = (account: string, uid: string) => row('AccountLinked', { entity: { uid }, unmapped: { account } })
const verdict = (uid: string, account = uid) =>
  row('VerdictRecorded', { actor: { user: { uid } }, unmapped: { account } })
const approved = (name: string, approver: string) =>
  row('ReviewApproved', {
    authorizations: [{ policy: { name, type: 'seat' } }],
    unmapped: { approvers: [approver] },
  })
const kinds = (...rows: AuditRow[]) => compareVerdicts(rows).findings.map(({ kind }) => kind)
const ben = [person('ben'), group('owners', { added: ['ben'] }), linked('U1', 'ben')]

describe('a verdict', () => {
  it('stands when person, account and group are in the directory at that moment', () => {
    expect(compareVerdicts([...ben, verdict('ben'), verdict('ben', 'U1'), approved('owners', 'ben')])).toEqual({
      verdicts: 2,
      seats: 1,
      findings: [],
      onOneWord: [],
    })
  })

  it('is told of somebody whom nobody registered, or who was made inactive before', () => {
    expect(kinds(...ben, verdict('mallory'))).toEqual(['unknown_person'])
    expect(kinds(...ben, person('ben', 9), verdict('ben'), approved('owners', 'ben'))).toEqual([
      'inactive_person',
      'inactive_person',
    ])
    expect(kinds(...ben, verdict('ben'), person('ben', 9))).toEqual([])
  })

  it('is told when its account is nobody’s or somebody else’s at that moment', () => {
    expect(kinds(...ben, verdict('ben', 'U9'))).toEqual(['account_not_linked'])
    expect(kinds(...ben, person('eve'), linked('U2', 'eve'), verdict('ben', 'U2'))).toEqual(['account_of_another'])
    expect(kinds(verdict('ben', 'U1'), ...ben)).toEqual(['unknown_person', 'account_not_linked'])
  })

  it('fills a seat only of a group that the person was in when it was filled', () => {
    expect(kinds(...ben, approved('auditors', 'ben'))).toEqual(['not_in_group'])
    expect(kinds(...ben, group('owners', { removed: ['ben'] }), approved('owners', 'ben'))).toEqual(['not_in_group'])
    expect(kinds(...ben, approved('owners', 'ben'), group('owners', { removed: ['ben'] }))).toEqual([])
  })
})

describe('a seat on one person’s word', () => {
  const seat = (group: string, change = 7) => ({ group, word: 'olga', change })
  const onWord = (operation: string, ...seats: object[]) =>
    row('VerdictRecorded', {
      actor: { user: { uid: 'ben' } },
      api: { operation },
      unmapped: { account: 'ben', on_one_word: seats },
    })
  const reviewed = (by: string, over: object = {}, event = 'DirectoryReviewed') =>
    row(event, { time: 9, actor: { user: { uid: by } }, unmapped: { changes: [6, 7], ...over } })
  const told = (...rows: AuditRow[]) => compareVerdicts([...ben, ...rows])
  const yes = onWord('review.approve', seat('owners'))

  it('is listed with who, whose word and when, and is no finding', () => {
    expect(told(verdict('ben'), yes)).toMatchObject({
      findings: [],
      onOneWord: [{ at: 1, verdict: 'approve', person: 'ben', group: 'owners', word: 'olga', intentId: 'intent-1' }],
    })
    expect(told(onWord('review.deny', seat('owners'))).onOneWord).toMatchObject([{ verdict: 'deny' }])
  })

  it('is that which a yes filled, once the review is approved; a no has all', () => {
    const both = [seat('owners'), seat('auditors')] as const
    const groups = (...rows: AuditRow[]) => told(...rows).onOneWord.map(({ group: name }) => name)
    expect(groups(onWord('review.approve', ...both))).toEqual(['owners', 'auditors'])
    expect(groups(onWord('review.approve', ...both), approved('owners', 'ben'))).toEqual(['owners'])
    expect(groups(yes, approved('others', 'ben'))).toEqual([])
    expect(groups(onWord('review.deny', ...both), approved('others', 'eve'))).toEqual(['owners', 'auditors'])
  })

  it('is reviewed since when somebody on another word has reviewed that change', () => {
    const reviews = (...rows: AuditRow[]) => told(yes, ...rows).onOneWord.map((one) => one.reviewed)
    expect(reviews(reviewed('cora'), reviewed('dana'))).toEqual([{ at: 9, by: 'cora' }])
    expect(reviews(reviewed('cora', {}, 'DirectoryFeedReviewed'))).toEqual([{ at: 9, by: 'cora' }])
    expect(reviews(reviewed('ben', { word: 'olga' }), reviewed('olga'))).toEqual([undefined])
    expect(reviews(reviewed('cora', { changes: [8] }))).toEqual([undefined])
    expect(told(reviewed('cora'), yes).onOneWord[0]?.reviewed).toBeUndefined()
  })

  it('is printed with the word and whether it was reviewed', () => {
    const lines = linesOfVerdicts(told(yes, reviewed('cora')))
    expect(lines[0]).toBe("Seats on one person's word when they counted: 1")
    expect(lines[2]?.split(/ {2,}/)).toEqual([
      '1970-01-01T00:00:00.001Z',
      'approve',
      'ben',
      'owners',
      'olga',
      '1970-01-01T00:00:00.009Z by cora',
      'intent-1',
    ])
  })
})
