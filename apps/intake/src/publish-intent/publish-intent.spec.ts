import { isRefusal } from '@countersign/contracts'
import { createLog, Refused } from '@countersign/service-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeBench, type IntakeBench } from '../intake.fixture.ts'
import { RecordRefusal } from '../record-refusal/record-refusal.handler.ts'
import { ShedRequests } from '../record-refusal/shed-requests.ts'
import { Admission } from './admission.ts'
import { checkIntent } from './check-intent.ts'
import { PublishBatch } from './publish-batch.ts'

let bench: IntakeBench
beforeAll(async () => {
  bench = await intakeBench()
})
afterAll(() => bench.close())

const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : answer instanceof Error ? 'error' : 'ok')
const request = (change = {}) => ({ caller: bench.caller, body: bench.body(change), idempotencyKey: bench.newId() })
/** Control characters take six bytes each in JSON. */
const escaped = { logs: Array.from({ length: 22 }, () => '\u0001'.repeat(2_000)) }

describe('an intent that is too large to be sealed', () => {
  it('is refused before anything is stored', () => {
    expect(checkIntent(bench.body(escaped))).toMatchObject({ code: 'body_too_large' })
    expect(checkIntent(bench.body({ logs: escaped.logs.slice(1) }))).toBeUndefined()
  })

  it('fails alone in a batch', async () => {
    const answers = await bench.publish.handle([request(), request(escaped), request()])
    expect(answers.map(codeOf)).toEqual(['ok', 'error', 'ok'])
  })
})

describe('an agent', () => {
  it('of 256 owners can publish, and one of more cannot: nobody is left out', async () => {
    const { tenantId, issuer } = bench
    const owned = { ownerSubject: null, ownerGroup: 'everybody', changedBy: null, seeded: true }
    const agent = 'owned-by-many'
    await bench.registers.agent({ tenantId, agent, kind: 'agent', producer: 'etl', issuer, clientId: null, ...owned })
    const join = (count: number) =>
      bench.superuser.query(
        `insert into countersign.group_member (tenant_id, group_name, subject_id)
         select $1, 'everybody', gen_random_uuid() from generate_series(1, $2)`,
        [tenantId, count],
      )
    const caller = { ...bench.caller, agent: undefined }
    const publish = (change = {}) =>
      bench.publish.handle([{ ...request({ agent: { name: agent }, ...change }), caller }])
    await join(256)
    expect((await publish()).map(codeOf)).toEqual(['ok'])
    // Every field is as long as it may be: each fits, and with that many owners all of them do not.
    const wide = (length: number) => '\u20ac'.repeat(length)
    const change = {
      target: wide(512),
      agent: { name: agent, session: wide(512), model: { name: wide(128), version: wide(128) } },
      impact: { dataClasses: Array.from({ length: 16 }, () => wide(128)) },
    }
    expect((await publish(change)).map(codeOf)).toEqual(['body_too_large'])
    await join(1)
    expect((await publish()).map(codeOf)).toEqual(['too_many_owners'])
    expect((await bench.attempts('ActionIntentRefused')).at(-1)).toMatchObject({ code: 'too_many_owners' })
  })
})

describe('a request that came through others', () => {
  const chained = async (chain: readonly string[], change = {}) => {
    const { issuer } = bench
    const caller = {
      ...bench.caller,
      subject: 'alice',
      actsFor: { issuer, subject: 'alice' },
      chain: chain.map((subject) => ({ issuer, subject })),
    }
    const [answer] = await bench.publish.handle([{ ...request(change), caller }])
    if (answer === undefined || answer instanceof Error || isRefusal(answer)) throw new Error('not published')
    const [event] = await bench.history(answer.view.intentId)
    if (event?.type !== 'ActionIntentPublished') throw new Error('no intent')
    return event.data
  }
  const subjectOf = async (sub: string): Promise<string | undefined> => {
    const { rows } = await bench.superuser.query<{ subject_id: string }>(
      'select subject_id from countersign.subject where iss = $1 and sub = $2',
      [bench.issuer, sub],
    )
    return rows[0]?.subject_id
  }

  it('names the person and the chain that the token proves, whatever the body says', async () => {
    const onBehalfOf = { issuer: bench.issuer, subject: 'somebody-else' }
    const event = await chained(['etl-bot', 'planner'], { onBehalfOf })
    expect(event.onBehalfOf).toBe(await subjectOf('alice'))
    expect(event.delegation).toEqual([await subjectOf('etl-bot'), await subjectOf('planner')])
    // Whom the body names is kept out as well; it takes nobody's place.
    expect(event.assertedParties).toEqual([await subjectOf('alice'), await subjectOf('somebody-else')])
  })

  it('has the owners of every registered agent on its way', async () => {
    const { tenantId, issuer } = bench
    const owner = await bench.addPerson('owner-of-planner')
    await bench.registers.agent({
      tenantId,
      agent: 'planner',
      kind: 'agent',
      producer: 'etl',
      issuer,
      clientId: 'planner',
      ownerSubject: owner,
      ownerGroup: null,
      changedBy: null,
      seeded: true,
    })
    const event = await chained(['etl-bot', 'planner'])
    expect(event.parentAgents).toEqual(['etl-bot', 'planner'])
    expect(event.owners).toEqual([owner])
    expect((await chained([])).owners).toEqual([])
  })
})

describe('load', () => {
  it.each([
    ['requests', { requests: 3, bytes: 1_000 }],
    ['bytes', { requests: 1_000, bytes: 30 }],
  ])('beyond the bound of %s is turned away, and what waits is stored', async (_name, bounds) => {
    const batch = new PublishBatch(bench.publish, bounds)
    // Two transactions begin at once with one request each, three wait, one is too many.
    const answers = await Promise.allSettled(Array.from({ length: 6 }, () => batch.publish(request(), 10)))
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 5 }, () => 'fulfilled'), 'rejected'])
    const [last] = answers.slice(-1)
    const reason: unknown = last?.status === 'rejected' ? last.reason : undefined
    expect(reason).toBeInstanceOf(Refused)
    expect(reason).toMatchObject({ source: { code: 'overloaded', headers: { 'retry-after': '1' } } })
    expect(batch.depth).toBe(0)
    expect(codeOf(await batch.publish(request(), 10))).toBe('ok')
  })

  it('of one tenant’s producer is not counted for another tenant’s of the same name', () => {
    const admission = new Admission(1)
    const one = { tenantId: 'one', producer: 'etl' }
    expect([admission.admits(one, 0), admission.admits(one, 0)]).toEqual([true, false])
    expect(admission.admits({ tenantId: 'two', producer: 'etl' }, 0)).toBe(true)
  })

  it('that was shed is recorded with an exact count', async () => {
    const shed = new ShedRequests(new RecordRefusal(bench.events), createLog({ service: 'intake', level: 'silent' }))
    const refused = { command: 'publish_intent', code: 'too_many_requests' }
    for (let sent = 0; sent < 1_234; sent += 1) shed.count(bench.caller, refused)
    await shed.flush()
    await shed.flush()
    const { rows } = await bench.superuser.query<{ total: string; recorded: string }>(
      `select sum(total) as total, sum(recorded) as recorded from countersign.refusal_count where code = 'too_many_requests'`,
    )
    expect(rows).toEqual([{ total: '1234', recorded: '1' }])
    expect((await bench.attempts('ActionIntentRefused')).at(-1)).toMatchObject({ code: refused.code, count: 1_234 })
  })
})
