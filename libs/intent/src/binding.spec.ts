import { isRefusal, type JsonObject, type RefusalCode } from '@countersign/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actionDifference, type BoundAction, type GrantClaims } from './binding.ts'
import type { RedeemGrant } from './commands.ts'
import { decide, foldIntent } from './index.ts'
import { at, claims, collect, digests, evaluate, ids, intentPublished, people, redeem } from './intent.fixture.ts'
import { preconditionHolds } from './precondition.ts'
import { evolve } from './evolve.ts'
import type { IntentStream } from './state.ts'

const approved: BoundAction = {
  action: 'data.export',
  target: 's3://partner-eu',
  environment: 'production',
  parameters: { table: 'customers', limit: 10, filter: { since: '2026-01-01', tags: ['a', 'b'] } },
  preconditions: { etag: '7', rows: '<=1300' },
}
const observed = { etag: '7', rows: '1203' }
const presented: BoundAction = { ...approved, preconditions: observed }

/** An intent with a grant that nobody used yet. */
const granted = (): IntentStream => {
  let state: IntentStream = foldIntent([])
  for (const event of [intentPublished()]) state = evolve(state, event)
  for (const command of [evaluate('allow'), collect()]) {
    const events = decide(command, state)
    if (isRefusal(events)) throw new Error(events.code)
    state = events.reduce(evolve, state)
  }
  return state
}

const parameters = (change: JsonObject): Partial<BoundAction> => ({
  parameters: { ...approved.parameters, ...change },
})
const without = (name: string): Partial<BoundAction> => ({
  parameters: Object.fromEntries(Object.entries(approved.parameters).filter(([key]) => key !== name)),
})

/** Each bound field, changed once: how it reaches the core, and the code and pointer that it is refused with. */
const ofAction: [field: string, change: Partial<BoundAction>, code: RefusalCode, pointer: string][] = [
  ['action', { action: 'data.drop' }, 'action_mismatch', '/action'],
  ['action in capitals', { action: 'Data.export' }, 'action_mismatch', '/action'],
  ['target', { target: 's3://partner-us' }, 'target_mismatch', '/target'],
  ['target with a space', { target: 's3://partner-eu ' }, 'target_mismatch', '/target'],
  ['environment', { environment: 'staging' }, 'environment_mismatch', '/environment'],
  ['a parameter', parameters({ table: 'orders' }), 'parameters_mismatch', '/parameters/table'],
  ['a parameter with a space', parameters({ table: 'customers ' }), 'parameters_mismatch', '/parameters/table'],
  ['a number as text', parameters({ limit: '10' }), 'parameters_mismatch', '/parameters/limit'],
  ['a parameter as null', parameters({ limit: null }), 'parameters_mismatch', '/parameters/limit'],
  ['a parameter less', without('limit'), 'parameters_mismatch', '/parameters/limit'],
  ['a parameter more', parameters({ force: true }), 'parameters_mismatch', '/parameters/force'],
  [
    'a parameter within',
    parameters({ filter: { since: '2026-01-02', tags: ['a', 'b'] } }),
    'parameters_mismatch',
    '/parameters/filter/since',
  ],
  [
    'an order within a list',
    parameters({ filter: { since: '2026-01-01', tags: ['b', 'a'] } }),
    'parameters_mismatch',
    '/parameters/filter/tags/0',
  ],
  ['a version that moved', { preconditions: { ...observed, etag: '8' } }, 'stale', '/preconditions/etag'],
  ['rows above the bound', { preconditions: { ...observed, rows: '1301' } }, 'stale', '/preconditions/rows'],
  ['the bound for rows', { preconditions: { ...observed, rows: '<=1300' } }, 'stale', '/preconditions/rows'],
  ['a precondition less', { preconditions: { etag: '7' } }, 'preconditions_mismatch', '/preconditions/rows'],
  ['a precondition more', { preconditions: { ...observed, x: '1' } }, 'preconditions_mismatch', '/preconditions/x'],
]

const ofToken: [field: string, change: Partial<GrantClaims>, code: RefusalCode][] = [
  ['binding version', { bindingVersion: 0 }, 'binding_version_mismatch'],
  ['no binding version', { bindingVersion: undefined }, 'binding_version_mismatch'],
  ['grant', { grantId: ids.receipt }, 'grant_mismatch'],
  ['tenant', { tenant: ids.receipt }, 'tenant_mismatch'],
  ['intent', { intentId: ids.receipt }, 'intent_mismatch'],
  ['agent', { agent: people.mallory }, 'agent_mismatch'],
  ['on behalf of', { onBehalfOf: people.mallory }, 'on_behalf_of_mismatch'],
  ['nobody said on behalf of', { onBehalfOf: undefined }, 'on_behalf_of_mismatch'],
  ['executor', { executor: people.mallory }, 'wrong_executor'],
  ['client', { clientId: 'other' }, 'wrong_executor'],
  ['action', { action: 'data.drop' }, 'action_mismatch'],
  ['target', { target: 's3://partner-us' }, 'target_mismatch'],
  ['environment', { environment: 'staging' }, 'environment_mismatch'],
  ['digest', { actionDigest: digests.other }, 'binding_mismatch'],
]

const ofCommand: [field: string, change: Partial<RedeemGrant>, code: RefusalCode][] = [
  ['the caller’s subject', { executor: people.mallory }, 'wrong_executor'],
  ['the caller’s client', { clientId: 'other' }, 'wrong_executor'],
  ['a token that we did not sign', { claims: undefined }, 'grant_token_invalid'],
  ['the digest, though no field differs', { presentedDigest: digests.other }, 'binding_mismatch'],
  ['the digest that the executor states', { statedDigest: digests.other }, 'binding_mismatch'],
  ['another grant', { grantId: ids.receipt }, 'unknown_grant'],
  ['the time', { now: at(60) }, 'grant_expired'],
]

const redeemWith = (change: Partial<RedeemGrant>) => decide(redeem(change), granted())

describe('what is presented is exactly what was approved, or it is refused with a code of its own', () => {
  it('redeems what was approved', () => {
    expect(actionDifference(approved, presented)).toBeUndefined()
    expect(redeemWith({ statedDigest: digests.action })).toMatchObject([{ type: 'GrantRedeemed' }])
  })

  it.each(ofAction)('%s', (_field, change, code, pointer) => {
    const differs = actionDifference(approved, { ...presented, ...change })
    expect(differs).toEqual({ code, pointer })
    expect(redeemWith(differs === undefined ? {} : { differs })).toMatchObject({ refused: true, code, pointer })
  })

  it.each(ofToken)('%s, in the token', (_field, change, code) => {
    expect(redeemWith({ claims: claims(change) })).toMatchObject({ refused: true, code, pointer: '/token' })
  })

  it.each(ofCommand)('%s', (_field, change, code) => {
    expect(redeemWith(change)).toMatchObject({ refused: true, code })
  })

  it('is judged the same for a redemption that is repeated', () => {
    const first = redeemWith({})
    if (isRefusal(first)) throw new Error(first.code)
    const used = first.reduce(evolve, granted())
    expect(decide(redeem({}), used)).toEqual([])
    expect(decide(redeem({ claims: claims({ agent: people.mallory }) }), used)).toMatchObject({
      code: 'agent_mismatch',
    })
    expect(decide(redeem({ statedDigest: digests.other }), used)).toMatchObject({ code: 'binding_mismatch' })
  })
})

const json = fc.letrec<{ value: JsonObject[string] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 3 }),
  ),
})).value
const anyParameters = fc.dictionary(fc.string({ minLength: 1 }), json, { maxKeys: 5 })

const reversed = (value: JsonObject[string]): JsonObject[string] => {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}

describe('parameters', () => {
  it('are the same in any order of keys, at any depth', () => {
    fc.assert(
      fc.property(anyParameters, (some) => {
        const other = { ...presented, parameters: reversed(some) as JsonObject }
        expect(actionDifference({ ...approved, parameters: some }, other)).toBeUndefined()
      }),
    )
  })

  it('with one text that has a space more are others, wherever it is', () => {
    const path = fc.array(fc.string({ minLength: 1, unit: 'binary-ascii' }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        anyParameters,
        path,
        fc.string(),
        fc.constantFrom(' ', '\t', '\n', '\u00a0'),
        (some, keys, text, space) => {
          const within = (leaf: string): JsonObject => {
            const [first = '', ...rest] = keys
            return { ...some, [first]: rest.reduceRight<JsonObject[string]>((inner, key) => ({ [key]: inner }), leaf) }
          }
          const differs = actionDifference(
            { ...approved, parameters: within(text) },
            { ...presented, parameters: within(text + space) },
          )
          expect(differs?.code).toBe('parameters_mismatch')
          expect(differs?.pointer.startsWith('/parameters/')).toBe(true)
        },
      ),
    )
  })
})

describe('a precondition', () => {
  it('that is a text holds for the same text only', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        fc.pre(!one.startsWith('<='))
        expect(preconditionHolds(one, other)).toBe(one === other)
      }),
    )
  })

  it('that is an upper bound holds for whole numbers up to it', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (most, found) => {
        expect(preconditionHolds(`<=${most}`, String(found))).toBe(found <= most)
      }),
    )
  })

  it.each(['0', '1299', '1300'])('that is an upper bound holds for %s', (found) =>
    expect(preconditionHolds('<=1300', found)).toBe(true),
  )

  it.each(['1301', '', '-1', '1.5', '1e2', ' 5', '05', '0x5', '<=5', 'five', '99999999999999999999'])(
    'that is an upper bound does not hold for %j',
    (found) => expect(preconditionHolds('<=1300', found)).toBe(false),
  )
})
