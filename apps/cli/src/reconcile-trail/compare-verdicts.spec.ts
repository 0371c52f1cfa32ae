import { describe, expect, it } from 'vitest'
import { compareVerdicts } from './compare-verdicts.ts'
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
