import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Call, intakeOverHttp, type IntakeOverHttp } from './intake-http.fixture.ts'

/** Olga is an operator, and by what others marked since a shared account; Rita is an operator too and somebody. */
let at: IntakeOverHttp
const because = { reason: 'it is on the list' }
const nowhere = '01a206af-3e45-7055-8f47-f71248a5432f'
beforeAll(async () => {
  at = await intakeOverHttp()
  await at.superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id) values ($1, 'operators', $2)`,
    [at.tenantId, at.admin],
  )
})
afterAll(() => at.close())
// What a source did a moment ago leaves room for less of it on record.
beforeEach(() => at.superuser.query('delete from countersign.refusal_count'))

const marked = (kind: string) =>
  at.superuser.query('update countersign.person set kind = $2 where subject_id = $1', [at.operator, kind])
const refusedCommands = async () => {
  const { rows } = await at.superuser.query<{ data: Record<string, unknown> }>(
    `select data from countersign.event where type = 'dev.countersign.CommandRefused.v1' order by position`,
  )
  return rows.map(({ data }) => data)
}
const frozen = async (as: string): Promise<string> => {
  const scope = { kind: 'environment', environment: `env-${at.newId()}` }
  const { code, answer } = await at.call({ as, path: '/v1/freezes', body: { scope } })
  expect(code).toBe('ok')
  return String(answer['freezeId'])
}

const owned = { owner: { group: 'data-owners' }, ...because }
const acts: readonly [command: string, asked: Omit<Call, 'as'>][] = [
  ['change_register', { path: '/v1/agents/register', body: { name: 'b', kind: 'agent', producer: 'etl', ...owned } }],
  [
    'change_register',
    { path: '/v1/producers/register', body: { name: 'p', issuer: 'https://id.example', clientId: 'c', ...owned } },
  ],
  ['remove_from_register', { path: '/v1/agents/remove', body: { name: 'etl-bot', ...because } }],
  ['remove_from_register', { path: '/v1/producers/remove', body: { name: 'etl', ...because } }],
  ['review_register', { path: '/v1/agents/review', body: { name: 'etl-bot', upTo: 1, ...because } }],
  ['adopt_store', { path: '/v1/store/adopt', body: because }],
  ['continue_log', { path: `/v1/store/logs/${nowhere}/continue`, body: because }],
  ['reconcile_execution', { path: `/v1/grants/${nowhere}/reconcile`, body: { outcome: 'succeeded' } }],
  ['redrive_quarantined', { path: '/v1/quarantine/redrive', body: { quarantineId: nowhere } }],
  ['open_quarantined', { method: 'GET', path: `/v1/quarantine/${nowhere}/content` }],
  [
    'redrive_parked',
    {
      path: '/v1/parked/redrive',
      body: { group: 'countersign.ledger.v1', topic: 'countersign.events.v1', key: nowhere },
    },
  ],
  [
    'record_broker_refusals',
    {
      path: '/v1/broker-refusals',
      body: {
        refusals: [
          {
            principal: 'nobody',
            operation: 'WRITE',
            resourceType: 'Topic',
            resource: 'topic',
            host: '127.0.0.1',
            firstAt: '2026-11-22T20:00:00Z',
            lastAt: '2026-11-22T20:00:00Z',
            count: 1,
          },
        ],
      },
    },
  ],
  ['unfreeze', { method: 'DELETE', path: `/v1/freezes/${nowhere}` }],
  ['unfreeze', { path: `/v1/freezes/${nowhere}/unfreeze`, body: because }],
]

describe.each(['shared', 'service'])('an operator whose account is marked %s', (kind) => {
  beforeEach(() => marked(kind))

  it.each(acts)('is nobody who may %s: refused, and recorded as theirs', async (command, asked) => {
    const before = (await refusedCommands()).length
    expect(await at.call({ as: 'olga', ...asked })).toMatchObject({ status: 403, code: 'not_human' })
    expect((await refusedCommands()).slice(before)).toMatchObject([{ command, code: 'not_human', by: at.operator }])
  })

  it('still stops everything: who would take the time to find another account would stop it too late', async () => {
    const freezeId = await frozen('olga')
    expect(await at.call({ as: 'olga', path: `/v1/freezes/${freezeId}/unfreeze`, body: because })).toMatchObject({
      code: 'not_human',
    })
    expect(await at.call({ as: 'rita', path: `/v1/freezes/${freezeId}/unfreeze`, body: because })).toMatchObject({
      code: 'ok',
    })
  })

  it('still revokes a grant, and withdraws what was asked for', async () => {
    const { intentId } = await at.publishOne()
    await at.allow(intentId)
    const { answer } = await at.call({ as: 'etl-bot', path: `/v1/intents/${intentId}/grant` })
    const revoked = await at.call({ as: 'olga', path: `/v1/grants/${String(answer['grantId'])}/revoke` })
    expect(revoked).toMatchObject({ code: 'ok' })
    const another = await at.publishOne()
    expect(await at.call({ as: 'olga', path: `/v1/intents/${another.intentId}/withdraw` })).toMatchObject({
      code: 'ok',
    })
  })

  it('reads what operators read', async () => {
    for (const path of ['/v1/freezes', '/v1/agents', '/v1/producers', '/v1/quarantine', '/v1/parked', '/v1/store'])
      expect(await at.call({ as: 'olga', method: 'GET', path }), path).toMatchObject({ code: 'ok' })
  })
})
