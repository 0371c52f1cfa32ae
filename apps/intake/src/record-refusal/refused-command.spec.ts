import { isRefusal, type GrantView } from '@countersign/contracts'
import { subjectCommitment } from '@countersign/redaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeBench, type IntakeBench } from '../intake.fixture.ts'

let bench: IntakeBench
beforeAll(async () => {
  bench = await intakeBench()
})
afterAll(() => bench.close())

const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : 'ok')

const granted = async (): Promise<GrantView> => {
  const { intentId } = await bench.publishOne()
  await bench.allow(intentId)
  const grant = await bench.issue.handle(bench.caller, intentId)
  if (isRefusal(grant)) throw new Error(grant.code)
  return grant
}
const asApproved = ({ token }: GrantView) => {
  const { action, target, environment, parameters } = bench.body()
  return { token, redemptionId: bench.newId(), action, target, environment, parameters }
}
/** A client that nothing has named yet, of the same producer. */
const newcomer = (name: string) => ({ ...bench.caller, agent: undefined, subject: name, clientId: name })

const storedSubject = async (sub: string) => {
  const { rows } = await bench.superuser.query<{ subject_id: string; salt: Buffer }>(
    'select subject_id, salt from countersign.subject where iss = $1 and sub = $2',
    [bench.issuer, sub],
  )
  const [row] = rows
  if (row === undefined) return undefined
  return {
    subjectId: row.subject_id,
    commitment: subjectCommitment(row.salt.toString('base64url'), bench.issuer, sub),
  }
}

describe('a refusal', () => {
  it.each([
    ['in the middle of a key', 'k'.repeat(128)],
    ['within a character of two UTF-16 units', `${'k'.repeat(114)}\u{1f511}k`],
  ])('whose pointer would be cut %s is recorded', async (_where, key) => {
    const parameters = { ['a'.repeat(128)]: { [key]: { b: 1 } } }
    const { intentId } = await bench.publishOne(undefined, { parameters })
    await bench.allow(intentId)
    const grant = await bench.issue.handle(bench.caller, intentId)
    if (isRefusal(grant)) throw new Error(grant.code)
    const changed = { ['a'.repeat(128)]: { [key]: { b: 2 } } }
    const answer = await bench.redeem.handle(bench.caller, grant.grantId, { ...asApproved(grant), parameters: changed })
    const pointer = `/parameters/${'a'.repeat(128)}/${key}/b`
    expect(answer).toMatchObject({ code: 'parameters_mismatch', pointer })
    const [attempt] = (await bench.history(intentId, 'attempts')).slice(-1)
    const kept = attempt?.type === 'GrantRefused' ? (attempt.data.pointer ?? '') : ''
    expect(kept.length).toBeGreaterThanOrEqual(255)
    expect(pointer.startsWith(kept)).toBe(true)
  })

  it.each(['collect', 'redeem', 'withdraw', 'revoke'] as const)(
    'to %s introduces a client that no event has named, and stores who it is',
    async (step) => {
      const grant = await granted()
      const caller = newcomer(`newcomer-${step}`)
      const stranger = { ...caller, producer: 'rival' }
      const refused = {
        collect: () => bench.issue.handle(caller, grant.intentId),
        redeem: () => bench.redeem.handle(caller, grant.grantId, asApproved(grant)),
        withdraw: () => bench.withdraw.handle(stranger, grant.intentId),
        revoke: () => bench.revoke.handle(stranger, grant.grantId),
      }[step]
      expect(isRefusal(await refused())).toBe(true)
      const subject = await storedSubject(caller.clientId)
      const [first] = (await bench.history(grant.intentId, 'attempts')).slice(-1)
      expect(first?.data).toMatchObject({ by: subject?.subjectId, subjects: [subject] })
      expect(isRefusal(await refused())).toBe(true)
      const [second] = (await bench.history(grant.intentId, 'attempts')).slice(-1)
      expect(second?.data).toMatchObject({ by: subject?.subjectId })
      expect(second?.data).not.toHaveProperty('subjects')
    },
  )
})

describe('a client that no event has named', () => {
  it('is introduced by what it ends', async () => {
    const { intentId } = await bench.publishOne()
    const [withdrawer, revoker] = [newcomer('withdrawer'), newcomer('revoker')]
    expect(codeOf(await bench.withdraw.handle(withdrawer, intentId))).toBe('ok')
    const grant = await granted()
    expect(codeOf(await bench.revoke.handle(revoker, grant.grantId))).toBe('ok')
    for (const [id, { clientId }] of [
      [intentId, withdrawer],
      [grant.intentId, revoker],
    ] as const) {
      const subject = await storedSubject(clientId)
      const [last] = (await bench.history(id)).slice(-1)
      expect(last?.data).toMatchObject({ by: subject?.subjectId, subjects: [subject] })
    }
  })
})

describe('an executor whose provider gives it another subject than its client id', () => {
  it('collects, redeems and reports, and stays the requester under its subject', async () => {
    const caller = { ...bench.caller, subject: 'service-account-4711' }
    const [published] = await bench.publish.handle([{ caller, body: bench.body(), idempotencyKey: 'by-subject' }])
    if (published === undefined || published instanceof Error || isRefusal(published)) throw new Error('not published')
    const { intentId } = published.view
    await bench.allow(intentId)
    const grant = await bench.issue.handle(caller, intentId)
    if (isRefusal(grant)) throw new Error(grant.code)
    expect(codeOf(await bench.redeem.handle(caller, grant.grantId, asApproved(grant)))).toBe('ok')
    const report = { grantId: grant.grantId, executionId: bench.newId(), outcome: 'succeeded' } as const
    expect(codeOf(await bench.report.handle(caller, report))).toBe('ok')
    const [first] = await bench.history(intentId)
    expect(first?.data).toMatchObject({ requester: (await storedSubject('service-account-4711'))?.subjectId })
  })
})
