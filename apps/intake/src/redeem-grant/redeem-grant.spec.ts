import type { EventData, GrantView } from '@countersign/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'
import { signGrant } from '../issue-grant/grant-token.ts'
import { readSigningKey } from '../signing-key.ts'

let world: IntakeOverHttp
let granted: GrantView
let published: EventData<'ActionIntentPublished'>
let issued: EventData<'GrantIssued'>
beforeAll(async () => {
  world = await intakeOverHttp()
  granted = await collected()
  const history = await world.history(granted.intentId)
  published = history[0]?.data as typeof published
  issued = history.at(-1)?.data as typeof issued
})
afterAll(() => world.close())
// How many refusals of a client get an event of their own in ten seconds is bounded; here each does.
beforeEach(() => world.superuser.query('delete from countersign.refusal_count'))

const approved = {
  action: 'data.read',
  target: 'orders',
  environment: 'production',
  parameters: { table: 'orders', limit: 10, filter: { since: '2026-01-01' } },
  preconditions: { etag: '7', rows: '<=1300' },
}
const observed = { etag: '7', rows: '1203' }

const collected = async (): Promise<GrantView> => {
  const { answer } = await world.call({
    as: 'etl-bot',
    path: '/v1/intents',
    body: world.body(approved),
    key: world.newId(),
  })
  const intentId = String(answer.intentId)
  await world.allow(intentId)
  const grant = await world.call({ as: 'etl-bot', path: `/v1/intents/${intentId}/grant` })
  return grant.answer as unknown as GrantView
}

const redeem = (grant: GrantView, change: object = {}, as = 'etl-bot') =>
  world.call({
    as,
    path: `/v1/grants/${grant.grantId}/redeem`,
    body: { token: grant.token, redemptionId: world.newId(), ...approved, preconditions: observed, ...change },
  })

/** A token that we signed, with one thing in it changed. */
const tokenWith = (change: {
  tenantId?: string
  grant?: Partial<EventData<'GrantIssued'>>
  intent?: Partial<EventData<'ActionIntentPublished'>>
}): Promise<string> =>
  signGrant(readSigningKey(world.keyFile), 'https://countersign.example', {
    tenantId: change.tenantId ?? world.tenantId,
    grant: { ...issued, ...change.grant },
    intent: { ...published, ...change.intent },
  })

const another = '01980000-0000-7000-8000-000000000000'
const parameters = (change: object) => ({ parameters: { ...approved.parameters, ...change } })

/** Each bound field changed once. */
const fields: [field: string, status: number, code: string, pointer: string, change: object][] = [
  ['action', 409, 'action_mismatch', '/action', { action: 'data.export' }],
  ['target', 409, 'target_mismatch', '/target', { target: 'customers' }],
  ['environment', 409, 'environment_mismatch', '/environment', { environment: 'staging' }],
  ['a parameter', 409, 'parameters_mismatch', '/parameters/limit', parameters({ limit: 11 })],
  ['a space in a parameter', 409, 'parameters_mismatch', '/parameters/table', parameters({ table: 'orders ' })],
  ['a parameter more', 409, 'parameters_mismatch', '/parameters/force', parameters({ force: true })],
  [
    'a parameter less',
    409,
    'parameters_mismatch',
    '/parameters/filter',
    { parameters: { table: 'orders', limit: 10 } },
  ],
  ['a parameter within', 409, 'parameters_mismatch', '/parameters/filter/since', parameters({ filter: { since: '' } })],
  ['a version that moved', 409, 'stale', '/preconditions/etag', { preconditions: { ...observed, etag: '8' } }],
  ['rows above the bound', 409, 'stale', '/preconditions/rows', { preconditions: { ...observed, rows: '1301' } }],
  ['nothing observed', 409, 'preconditions_mismatch', '/preconditions/etag', { preconditions: undefined }],
  ['one observed more', 409, 'preconditions_mismatch', '/preconditions/x', { preconditions: { ...observed, x: '' } }],
  ['the digest', 409, 'binding_mismatch', '/actionDigest', { actionDigest: `sha256:${'0'.repeat(64)}` }],
  ['the token', 403, 'grant_token_invalid', '/token', { token: 'x'.repeat(40) }],
]

const tokens: [field: string, status: number, code: string, change: Parameters<typeof tokenWith>[0]][] = [
  ['tenant', 409, 'tenant_mismatch', { tenantId: another }],
  ['grant', 409, 'grant_mismatch', { grant: { grantId: another } }],
  ['intent', 409, 'intent_mismatch', { grant: { intentId: another } }],
  ['executor', 403, 'wrong_executor', { grant: { executor: another } }],
  ['client', 403, 'wrong_executor', { grant: { credential: { kind: 'oauth_client', clientId: 'other-bot' } } }],
  ['digest', 409, 'binding_mismatch', { grant: { actionDigest: `sha256:${'0'.repeat(64)}` } }],
  ['agent', 409, 'agent_mismatch', { intent: { agent: { subjectId: another, name: 'etl-bot', kind: 'agent' } } }],
  ['on behalf of', 409, 'on_behalf_of_mismatch', { intent: { onBehalfOf: another } }],
  ['binding version', 409, 'binding_version_mismatch', { intent: { bindingVersion: 2 as 1 } }],
  ['action', 409, 'action_mismatch', { intent: { action: 'data.export' } }],
  ['target', 409, 'target_mismatch', { intent: { target: 'customers' } }],
  ['environment', 409, 'environment_mismatch', { intent: { environment: 'staging' } }],
]

/** Runs a redemption that has to be refused, and holds what it left behind against the answer. */
const expectRefused = async (
  expected: { status: number; code: string; pointer?: string },
  attempt: () => ReturnType<typeof redeem>,
): Promise<void> => {
  const before = await world.attempts('GrantRefused')
  const { status, code, answer } = await attempt()
  expect({ status, code, pointer: answer.pointer }).toEqual({ pointer: undefined, ...expected })
  const { status: _, ...recorded } = expected
  const added = (await world.attempts('GrantRefused')).slice(before.length)
  expect(added).toMatchObject([{ intentId: granted.intentId, step: 'redeem', ...recorded, count: 1 }])
  expect((await world.history(granted.intentId)).map(({ type }) => type)).not.toContain('GrantRedeemed')
}

describe('a grant that is redeemed with one bound field changed is refused by that field’s code, and recorded once', () => {
  it.each(fields)('%s', (_field, status, code, pointer, change) =>
    expectRefused({ status, code, pointer }, () => redeem(granted, change)),
  )

  it.each(tokens)('%s, in a token that we signed', (_field, status, code, change) =>
    expectRefused({ status, code, pointer: '/token' }, async () => redeem(granted, { token: await tokenWith(change) })),
  )

  it('the caller', () => expectRefused({ status: 403, code: 'wrong_executor' }, () => redeem(granted, {}, 'other-bot')))

  it('and then redeems what was approved: keys in another order are the same action', async () => {
    const reordered = { parameters: { filter: { since: '2026-01-01' }, limit: 10, table: 'orders' } }
    const { code } = await redeem(granted, { ...reordered, actionDigest: granted.actionDigest })
    expect(code).toBe('ok')
    expect((await world.history(granted.intentId)).at(-1)?.type).toBe('GrantRedeemed')
  })
})

describe('a precondition', () => {
  it('that is an ill-written bound is refused when it is published', async () => {
    const body = world.body({ ...approved, preconditions: { rows: '<= 1300' } })
    const { status, code, answer } = await world.call({ as: 'etl-bot', path: '/v1/intents', body, key: world.newId() })
    expect({ status, code, pointer: answer.pointer }).toEqual({
      status: 400,
      code: 'invalid_request',
      pointer: '/preconditions/rows',
    })
  })

  it('is observed anew when a redemption is repeated, and the receipt stays the same', async () => {
    const grant = await collected()
    const redemptionId = world.newId()
    const first = await redeem(grant, { redemptionId })
    const again = await redeem(grant, { redemptionId, preconditions: { ...observed, rows: '1100' } })
    expect(again.answer.receiptId).toBe(first.answer.receiptId)
    expect((await redeem(grant, { redemptionId, preconditions: { ...observed, rows: '1301' } })).code).toBe('stale')
  })
})
