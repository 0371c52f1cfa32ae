import { isRefusal, type GrantView } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeBench, type IntakeBench } from './intake.fixture.ts'

let bench: IntakeBench
beforeAll(async () => {
  bench = await intakeBench()
})
afterAll(() => bench.close())

const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : answer instanceof Error ? 'error' : 'ok')

const granted = async (ttl = {}): Promise<GrantView> => {
  const { intentId } = await bench.publishOne()
  await bench.allow(intentId, ttl)
  const grant = await bench.issue.handle(bench.caller, intentId)
  if (isRefusal(grant)) throw new Error(grant.code)
  return grant
}

const asApproved = (grant: GrantView, redemptionId = bench.newId()) => {
  const { action, target, environment, parameters } = bench.body()
  return { token: grant.token, redemptionId, action, target, environment, parameters }
}

describe('publishing', () => {
  it('stores one intent for one key, however many ask at once', async () => {
    const requests = Array.from({ length: 20 }, () => ({
      caller: bench.caller,
      body: bench.body(),
      idempotencyKey: 'once',
    }))
    const answers = (await Promise.all(requests.map((request) => bench.publish.handle([request])))).flat()
    const ids = new Set(answers.map((answer) => ('view' in answer ? answer.view.intentId : codeOf(answer))))
    expect(ids.size).toBe(1)
    expect(answers.filter((answer) => 'isNew' in answer && answer.isNew)).toHaveLength(1)
  })

  it('answers a batch in order, with one that is bad among good ones', async () => {
    const answers = await bench.publish.handle([
      { caller: bench.caller, body: bench.body(), idempotencyKey: 'a' },
      { caller: bench.caller, body: bench.body({ agent: { name: 'somebody-else' } }), idempotencyKey: 'b' },
      { caller: bench.caller, body: bench.body({ deadline: '2026-01-01T00:00:00Z' }), idempotencyKey: 'c' },
      { caller: bench.caller, body: bench.body(), idempotencyKey: 'd' },
    ])
    expect(answers.map(codeOf)).toEqual(['ok', 'agent_not_yours', 'deadline_invalid', 'ok'])
  })

  it('refuses other content under the same key, and records that', async () => {
    await bench.publishOne('twice')
    const [answer] = await bench.publish.handle([
      { caller: bench.caller, body: bench.body({ target: 'customers' }), idempotencyKey: 'twice' },
    ])
    expect(codeOf(answer)).toBe('id_conflict')
    const { rows } = await bench.superuser.query(
      `select from countersign.event where type like '%ActionIntentRefused%' and data ->> 'code' = 'id_conflict'`,
    )
    expect(rows).toHaveLength(1)
  })

  it('keeps parameters and rationale out of the event', async () => {
    const { intentId } = await bench.publishOne('sealed', {
      parameters: { secret: 'canary-in-parameters' },
      rationale: 'canary-in-rationale',
    })
    expect(JSON.stringify(await bench.history(intentId))).not.toContain('canary')
  })

  it('counts a flood of refused attempts exactly and records the first twenty of them', async () => {
    const flood = Array.from({ length: 50 }, (_, index) => ({
      caller: { ...bench.caller, clientId: 'flooder' },
      body: bench.body({ agent: { name: 'nobody' } }),
      idempotencyKey: `flood-${index}`,
    }))
    await bench.publish.handle(flood)
    const { rows } = await bench.superuser.query<{ total: string; recorded: string }>(
      `select sum(total) as total, sum(recorded) as recorded from countersign.refusal_count where source = 'flooder'`,
    )
    expect(rows[0]).toEqual({ total: '50', recorded: '20' })
  })
})

describe('a grant', () => {
  it('is one per intent: collecting again gives the same one', async () => {
    const { intentId } = await bench.publishOne()
    await bench.allow(intentId)
    const grants = await Promise.all(Array.from({ length: 8 }, () => bench.issue.handle(bench.caller, intentId)))
    expect(new Set(grants.map((grant) => (isRefusal(grant) ? grant.code : grant.grantId))).size).toBe(1)
    expect((await bench.history(intentId)).filter(({ type }) => type === 'GrantIssued')).toHaveLength(1)
  })

  it('is refused before the decision, and to another client', async () => {
    const { intentId } = await bench.publishOne()
    expect(codeOf(await bench.issue.handle(bench.caller, intentId))).toBe('not_decided')
    await bench.allow(intentId)
    expect(codeOf(await bench.issue.handle({ ...bench.caller, subject: 'other', clientId: 'other' }, intentId))).toBe(
      'wrong_executor',
    )
    expect((await bench.history(intentId, 'attempts')).map(({ type }) => type)).toEqual([
      'GrantRefused',
      'GrantRefused',
    ])
  })

  it('of another tenant does not exist', async () => {
    const grant = await granted()
    const stranger = { ...bench.caller, tenantId: await bench.addTenant('strangers') }
    expect(codeOf(await bench.issue.handle(stranger, grant.intentId))).toBe('unknown_intent')
    expect(codeOf(await bench.redeem.handle(stranger, grant.grantId, asApproved(grant)))).toBe('unknown_grant')
  })

  it('is denied when the active policy set forbids the action by now', async () => {
    const { intentId } = await bench.publishOne(undefined, { action: 'snapshot.delete', target: 'prod-2026-11-20' })
    await bench.allow(intentId)
    expect(codeOf(await bench.issue.handle(bench.caller, intentId))).toBe('policy_denied')
  })

  it('is not issued once collectBefore has passed', async () => {
    const { intentId } = await bench.publishOne()
    await bench.allow(intentId, { collectWithinMs: 0 })
    expect(codeOf(await bench.issue.handle(bench.caller, intentId))).toBe('intent_expired')
  })
})

describe('redeeming', () => {
  it('succeeds once among fifty at once', async () => {
    const grant = await granted()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => bench.redeem.handle(bench.caller, grant.grantId, asApproved(grant))),
    )
    const codes = answers.map(codeOf)
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['ok', 'already_redeemed']))
  })

  it('gives the same redemption the same receipt', async () => {
    const grant = await granted()
    const body = asApproved(grant)
    const [first, second] = [
      await bench.redeem.handle(bench.caller, grant.grantId, body),
      await bench.redeem.handle(bench.caller, grant.grantId, body),
    ]
    expect(second).toEqual(first)
  })

  it('wants the token that was signed for this grant', async () => {
    const [one, other] = [await granted(), await granted()]
    expect(
      codeOf(await bench.redeem.handle(bench.caller, one.grantId, { ...asApproved(one), token: other.token })),
    ).toBe('grant_mismatch')
    expect(
      codeOf(
        await bench.redeem.handle(bench.caller, one.grantId, {
          ...asApproved(one),
          token: `${one.token.slice(0, -4)}AAAA`,
        }),
      ),
    ).toBe('grant_token_invalid')
  })

  it('races with a revocation to one outcome', async () => {
    for (let round = 0; round < 10; round += 1) {
      const grant = await granted()
      const [redeemed, revoked] = await Promise.all([
        bench.redeem.handle(bench.caller, grant.grantId, asApproved(grant)),
        bench.revoke.handle(bench.caller, grant.grantId),
      ])
      const outcomes = [codeOf(redeemed), codeOf(revoked)]
      expect([
        ['ok', 'already_redeemed'],
        ['grant_revoked', 'ok'],
      ]).toContainEqual(outcomes)
    }
  })

  it('is refused after the end of the grant', async () => {
    const grant = await granted({ grantTtlMs: 1_000 })
    await bench.superuser.query('select pg_sleep(1.01)')
    expect(codeOf(await bench.redeem.handle(bench.caller, grant.grantId, asApproved(grant)))).toBe('grant_expired')
  })
})

describe('an execution', () => {
  it('is reported after redeeming and not before', async () => {
    const grant = await granted()
    const report = { grantId: grant.grantId, executionId: bench.newId(), outcome: 'succeeded', rows: 12_400 } as const
    expect(codeOf(await bench.report.handle(bench.caller, report))).toBe('not_redeemed')
    await bench.redeem.handle(bench.caller, grant.grantId, asApproved(grant))
    expect(codeOf(await bench.report.handle(bench.caller, report))).toBe('ok')
    expect(codeOf(await bench.report.handle(bench.caller, { ...report, outcome: 'failed' }))).toBe('already_reported')
  })

  it('without a grant that was used is an alert; any other refusal is none', async () => {
    const executionId = bench.newId()
    const grant = await granted()
    const report = { executionId, outcome: 'started' } as const
    bench.alerts.splice(0)
    expect(codeOf(await bench.report.handle(bench.caller, { ...report, grantId: bench.newId() }))).toBe('unknown_grant')
    expect(codeOf(await bench.report.handle(bench.caller, { ...report, grantId: grant.grantId }))).toBe('not_redeemed')
    expect(bench.alerts.splice(0)).toEqual(['unknown_grant', 'not_redeemed'])
    await bench.redeem.handle(bench.caller, grant.grantId, asApproved(grant))
    const contradictory = { ...report, grantId: grant.grantId, exitCode: 1 }
    expect(codeOf(await bench.report.handle(bench.caller, contradictory))).toBe('invalid_request')
    expect(bench.alerts).toEqual([])
  })

  it('of a withdrawn intent never happens', async () => {
    const { intentId } = await bench.publishOne()
    await bench.allow(intentId)
    expect(codeOf(await bench.withdraw.handle(bench.caller, intentId))).toBe('ok')
    expect(codeOf(await bench.issue.handle(bench.caller, intentId))).toBe('intent_withdrawn')
  })
})
