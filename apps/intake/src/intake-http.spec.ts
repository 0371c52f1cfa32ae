import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from './intake-http.fixture.ts'

let world: IntakeOverHttp
beforeAll(async () => {
  world = await intakeOverHttp()
})
afterAll(() => world.close())

const published = async (as = 'etl-bot', change = {}): Promise<string> => {
  const { answer, code } = await world.call({
    as,
    path: '/v1/intents',
    body: world.body(change),
    key: world.newId(),
  })
  if (typeof answer.intentId !== 'string') throw new Error(code)
  return answer.intentId
}

const nobodys = '01980000-0000-7000-8000-000000000000'
const redemption = (change = {}) => ({
  token: 'x'.repeat(40),
  redemptionId: nobodys,
  action: 'data.read',
  target: 'orders',
  environment: 'production',
  parameters: {},
  ...change,
})
const report = { grantId: nobodys, executionId: nobodys, outcome: 'succeeded' }

describe('a refused command', () => {
  it.each([
    ['withdraw_intent', 'unknown_intent', { as: 'etl', path: `/v1/intents/${nobodys}/withdraw` }],
    ['collect_grant', 'unknown_intent', { as: 'etl', path: `/v1/intents/${nobodys}/grant` }],
    ['redeem_grant', 'unknown_grant', { as: 'etl', path: `/v1/grants/${nobodys}/redeem`, body: redemption() }],
    ['revoke_grant', 'unknown_grant', { as: 'etl', path: `/v1/grants/${nobodys}/revoke` }],
    ['report_execution', 'unknown_grant', { as: 'etl', path: '/v1/executions', body: report }],
    ['redeem_grant', 'not_found', { as: 'etl', path: '/v1/grants/not-an-id/redeem', body: redemption() }],
    ['redeem_grant', 'unknown_field', { as: 'etl', path: `/v1/grants/${nobodys}/redeem`, body: redemption({ x: 1 }) }],
    ['report_execution', 'duplicate_key', { as: 'etl', path: '/v1/executions', body: '{"a":1,"a":2}' }],
    ['register_agent', 'not_allowed', { as: 'etl-bot', path: '/v1/agents', body: { name: 'x', kind: 'agent' } }],
    ['freeze', 'not_human', { as: 'etl', path: '/v1/freezes', body: { scope: { kind: 'tenant' } } }],
  ] as const)('%s that is %s is recorded with the client that asked', async (command, code, call) => {
    const before = await world.attempts('CommandRefused')
    expect((await world.call(call)).code).toBe(code)
    const after = await world.attempts('CommandRefused')
    expect(after).toHaveLength(before.length + 1)
    const { rows } = await world.superuser.query<{ subject_id: string }>(
      'select subject_id from countersign.subject where iss = $1 and sub = $2',
      [world.issuer, call.as],
    )
    expect(after.at(-1)).toMatchObject({ command, code, by: rows[0]?.subject_id, count: 1 })
    expect(after.at(-1)).not.toHaveProperty('intentId')
  })

  it.each([
    ['freeze', 'not_allowed', { path: '/v1/freezes', body: { scope: { kind: 'tenant' } } }],
    ['unfreeze', 'not_allowed', { method: 'DELETE', path: `/v1/freezes/${nobodys}` }],
    ['reconcile_execution', 'unknown_grant', { path: `/v1/grants/${nobodys}/reconcile`, body: { outcome: 'failed' } }],
    ['freeze', 'invalid_request', { path: '/v1/freezes', body: { scope: { kind: 'planet' } } }],
  ] as const)('%s of a person that is %s is recorded with the person', async (command, code, call) => {
    expect((await world.call({ as: 'paul', ...call })).code).toBe(code)
    expect((await world.attempts('CommandRefused')).at(-1)).toMatchObject({ command, code, by: world.bystander })
  })

  it('is recorded once, with the intent where there is one', async () => {
    const intentId = await published()
    const before = await world.attempts('CommandRefused')
    expect((await world.call({ as: 'rival', path: `/v1/intents/${intentId}/withdraw` })).code).toBe('not_allowed')
    const added = (await world.attempts('CommandRefused')).slice(before.length)
    expect(added).toMatchObject([{ intentId, command: 'withdraw_intent', code: 'not_allowed' }])
  })

  it('of a stranger is answered, though no tenant has a record of it', async () => {
    const before = await world.attempts('CommandRefused')
    const refused = await world.call({ as: 'stranger', path: `/v1/intents/${nobodys}/withdraw` })
    expect([refused.status, refused.code]).toEqual([403, 'unknown_producer'])
    expect(await world.attempts('CommandRefused')).toHaveLength(before.length)
  })

  it('to publish is recorded as a refused intent, by the edge and by the service alike', async () => {
    const before = await world.attempts('ActionIntentRefused')
    await world.call({ as: 'etl', path: '/v1/intents', body: '{"a":-0}', key: 'a' })
    await world.call({ as: 'etl', path: '/v1/intents', body: world.body() })
    await world.call({ as: 'etl', path: '/v1/intents', body: world.body({ agent: { name: 'nobody' } }), key: 'b' })
    const added = (await world.attempts('ActionIntentRefused')).slice(before.length)
    expect(added.map(({ code, producer }) => [code, producer])).toEqual([
      ['negative_zero', 'etl'],
      ['idempotency_key_missing', 'etl'],
      ['agent_not_yours', 'etl'],
    ])
  })

  it('is not answered when it cannot be recorded', async () => {
    await world.superuser.query(
      `alter table countersign.refusal_count add constraint shut check (code <> 'unknown_grant') not valid`,
    )
    const refused = await world.call({ as: 'rival', path: `/v1/grants/${nobodys}/revoke` })
    await world.superuser.query('alter table countersign.refusal_count drop constraint shut')
    expect([refused.status, refused.code, refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '5'])
  })
})

describe('an agent', () => {
  const register = (as: string, body: object) => world.call({ as, path: '/v1/agents', body })

  it('is registered by its producer, and again with the same answer', async () => {
    const [first, second] = [
      await register('etl', { name: 'fresh', kind: 'agent' }),
      await register('etl', { name: 'fresh', kind: 'agent' }),
    ]
    expect(first.status).toBe(200)
    expect(second.answer).toEqual(first.answer)
  })

  it('cannot be taken over by another producer, nor changed by its own', async () => {
    await register('etl', { name: 'mine', kind: 'agent' })
    expect((await register('rival', { name: 'mine', kind: 'agent' })).code).toBe('agent_taken')
    expect((await register('etl', { name: 'mine', kind: 'pipeline' })).code).toBe('agent_taken')
    expect((await register('etl', { name: 'etl-bot', kind: 'agent' })).code).toBe('agent_taken')
    const { rows } = await world.superuser.query('select producer, kind from countersign.agent where name = $1', [
      'mine',
    ])
    expect(rows).toEqual([{ producer: 'etl', kind: 'agent' }])
    expect((await world.attempts('CommandRefused')).at(-1)).toMatchObject({
      command: 'register_agent',
      code: 'agent_taken',
    })
    const intent = await world.call({
      as: 'rival',
      path: '/v1/intents',
      body: world.body({ agent: { name: 'mine' } }),
      key: 'takeover',
    })
    expect(intent.code).toBe('agent_not_yours')
  })
})

describe('an intent', () => {
  it('is seen by its agent’s client and its producer’s, not by a sibling’s or a rival', async () => {
    const path = `/v1/intents/${await published('etl-bot')}`
    const codes = await Promise.all(
      ['etl-bot', 'etl', 'olga'].map(async (as) => (await world.call({ as, method: 'GET', path })).code),
    )
    expect(codes).toEqual(['ok', 'ok', 'ok'])
    const refused = await Promise.all(
      ['other-bot', 'rival', 'paul'].map(async (as) => (await world.call({ as, method: 'GET', path })).code),
    )
    expect(refused).toEqual(['unknown_intent', 'unknown_intent', 'unknown_intent'])
  })

  it('is not withdrawn, and its grant not revoked, by the client of a sibling', async () => {
    const intentId = await published('etl-bot')
    expect((await world.call({ as: 'other-bot', path: `/v1/intents/${intentId}/withdraw` })).code).toBe('not_allowed')
    await world.allow(intentId)
    const { answer } = await world.call({ as: 'etl-bot', path: `/v1/intents/${intentId}/grant` })
    const path = `/v1/grants/${String(answer.grantId)}/revoke`
    expect((await world.call({ as: 'other-bot', path })).code).toBe('not_allowed')
    expect((await world.call({ as: 'etl', path })).code).toBe('ok')
  })

  it('can be redeemed with every array it could be published with', async () => {
    const parameters = { ids: Array.from({ length: 5_000 }, (_, index) => index) }
    const intentId = await published('etl-bot', { parameters })
    await world.allow(intentId)
    const { answer } = await world.call({ as: 'etl-bot', path: `/v1/intents/${intentId}/grant` })
    const redeemed = await world.call({
      as: 'etl-bot',
      path: `/v1/grants/${String(answer.grantId)}/redeem`,
      body: redemption({ token: answer.token, parameters }),
    })
    expect(redeemed.code).toBe('ok')
  })
})

describe('a store that may have been restored', () => {
  it('serves reads, refuses everything that would be recorded, says so, and goes on once it is settled', async () => {
    const intentId = await published()
    const undo = await world.setBack()
    const before = await world.superuser.query('select from countersign.event')
    const refused = [
      { path: '/v1/intents', body: world.body(), key: world.newId() },
      { path: `/v1/intents/${intentId}/withdraw` },
      { path: `/v1/intents/${intentId}/grant` },
      { path: `/v1/grants/${nobodys}/redeem`, body: redemption() },
      { path: `/v1/intents/${nobodys}/withdraw` },
      { path: '/v1/agents', body: { name: 'x', kind: 'agent' } },
    ]
    // The first statement on a session that was ended may fail for that.
    let code = ''
    while (code !== 'store_not_adopted')
      code = (await world.call({ as: 'etl-bot', path: '/v1/agents', body: { name: 'x', kind: 'agent' } })).code
    for (const call of refused) {
      const { status, code, answer } = await world.call({ as: 'etl-bot', ...call })
      expect([call.path, status, code]).toEqual([call.path, 503, 'store_not_adopted'])
      expect(answer.next).toContain('countersign store adopt')
    }
    const read = await world.call({ as: 'etl-bot', method: 'GET', path: `/v1/intents/${intentId}` })
    expect(read.answer).toMatchObject({ intentId, state: 'published' })
    expect((await world.ready()).checks).toContainEqual(
      expect.objectContaining({ name: 'store_mark', status: 'failing', code: 'store_behind_mark' }),
    )
    expect((await world.superuser.query('select from countersign.event')).rowCount).toBe(before.rowCount)
    await undo()
    expect((await world.call({ as: 'etl-bot', path: `/v1/intents/${intentId}/withdraw` })).code).toBe('ok')
  })
})

describe('a person without a group', () => {
  const read = async (as: string, intentId: string) =>
    (await world.call({ as, method: 'GET', path: `/v1/intents/${intentId}` })).code

  it('reads what they asked for themselves and what was asked for them, and nothing else', async () => {
    const { tenantId, issuer, bystander } = world
    const entry = { tenantId, issuer, changedBy: null, seeded: true } as const
    const owner = { ownerSubject: bystander, ownerGroup: null } as const
    await world.registers.producer({ ...entry, ...owner, producer: 'console', clientId: 'countersign-cli' })
    const agent = { ...entry, ...owner, agent: 'paul', kind: 'person', producer: 'console', clientId: null } as const
    await world.registers.agent(agent)
    const own = await published('paul', { agent: { name: 'paul' } })
    const forThem = await published('etl-bot', { agent: { name: 'etl-bot' }, onBehalfOf: { issuer, subject: 'paul' } })
    const another = await published('etl-bot', { agent: { name: 'etl-bot' } })
    expect(await Promise.all([own, forThem, another].map((id) => read('paul', id)))).toEqual([
      'ok',
      'ok',
      'unknown_intent',
    ])
    expect(await Promise.all([own, forThem].map((id) => read('rita', id)))).toEqual([
      'unknown_intent',
      'unknown_intent',
    ])
    expect(await read('olga', own)).toBe('ok')
  })
})
