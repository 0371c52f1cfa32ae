import { describe, expect, it } from 'vitest'
import { combine } from './combine.ts'
import { evaluate } from './index.ts'
import { isBeyond, readLimit, windowStart } from './limit.ts'
import { facts, problemsOf, setOf } from './policy-set.fixture.ts'

const exporting = 'principal, action == CS::Action::"data.export", resource'
const limited = (limit: string, more = '') =>
  `@id("limited") @decision("allow") @limit("${limit}") ${more} permit(${exporting});`
const reached = new Set(['limited'])

describe('a limit', () => {
  it.each([
    ['20 per PT1H', { amount: 20, unit: 'uses', windowMs: 3_600_000 }],
    ['1000000 rows per P1D', { amount: 1_000_000, unit: 'rows', windowMs: 86_400_000 }],
    ['5 bytes per PT1M', { amount: 5, unit: 'bytes', windowMs: 60_000 }],
    ['20 per PT1H by producer', { amount: 20, unit: 'uses', windowMs: 3_600_000, by: 'producer' }],
    ['20 rows per PT1H by tenant', { amount: 20, unit: 'rows', windowMs: 3_600_000, by: 'tenant' }],
    ['20 per PT1H by agent', { amount: 20, unit: 'uses', windowMs: 3_600_000 }],
  ])('is read from "%s"', (text, limit) => {
    expect(readLimit(text)).toEqual(limit)
  })

  it.each([
    '',
    '0 per PT1H',
    '-1 per PT1H',
    '1.5 per PT1H',
    '5',
    '5 per hour',
    '5 per PT59S',
    '5 per P32D',
    '5 cats per PT1H',
    '5 per PT1H by cat',
    '5 per PT1H by',
    '5 per PT1H by agent by producer',
  ])('is not "%s": the set is refused', (text) => {
    expect(problemsOf(limited(text)).map(({ code }) => code)).toEqual(['annotation_invalid'])
  })

  it('belongs to an allow, and only with it an allow names seats', () => {
    const problems = (rule: string) => problemsOf(rule).map(({ code }) => code)
    expect(problems(limited('5 per PT1H', '@seats("owners:1") @deadline("PT1H")'))).toEqual([])
    expect(problems(`@id("a") @decision("allow") @seats("owners:1") permit(${exporting});`)).toEqual([
      'annotation_misplaced',
    ])
    expect(problems(`@id("f") @limit("5 per PT1H") forbid(${exporting});`)).toEqual(['annotation_misplaced'])
    expect(
      problems(`@id("r") @decision("review") @seats("owners:1") @limit("5 per PT1H") permit(${exporting});`),
    ).toEqual(['annotation_misplaced'])
  })

  it('is taken from by what is allowed, as much as is claimed', () => {
    const use = (limit: string, impact?: { rows: number }) =>
      evaluate(setOf(limited(limit)), facts(impact === undefined ? {} : { impact })).limits
    expect(use('5 per PT1H')).toMatchObject([{ rule: 'limited', cost: 1 }])
    expect(use('5 rows per PT1H', { rows: 3 })).toMatchObject([{ cost: 3 }])
    expect(use('5 rows per PT1H')).toMatchObject([{ cost: null }])
  })

  it('asks for the seats of its rule once it is reached, and denies where there are none', () => {
    const asking = setOf(limited('5 per PT1H', '@seats("owners:2")'))
    expect(evaluate(asking, facts(), reached)).toMatchObject({
      effect: 'review',
      seats: [{ group: 'owners', count: 2 }],
      limits: [],
    })
    expect(evaluate(setOf(limited('5 per PT1H')), facts(), reached)).toMatchObject({
      effect: 'deny',
      code: 'limit_reached',
    })
    const forbidden = setOf(limited('5 per PT1H') + `@id("f") forbid(${exporting});`)
    expect(evaluate(forbidden, facts(), reached)).toMatchObject({ effect: 'deny', code: 'policy_denied' })
  })

  it('leaves no room for what nobody claims, and holds at its very end', () => {
    const limit = readLimit('5 rows per PT1H')
    if (limit === undefined) throw new Error('no limit')
    expect(isBeyond({ rule: 'limited', limit, cost: null }, 0)).toBe(true)
    expect(isBeyond({ rule: 'limited', limit, cost: 5 }, 0)).toBe(false)
    expect(isBeyond({ rule: 'limited', limit, cost: 1 }, 5)).toBe(true)
    expect(windowStart(limit, Date.parse('2026-11-22T10:59:59.999Z'))).toBe(Date.parse('2026-11-22T10:00:00Z'))
    expect(windowStart(limit, Date.parse('2026-11-22T11:00:00.000Z'))).toBe(Date.parse('2026-11-22T11:00:00Z'))
  })

  it('that is not reached changes nothing', () => {
    const rules = [...setOf(limited('5 per PT1H', '@seats("owners:2")')).rules.values()]
    expect(combine(rules)).toMatchObject({ effect: 'allow', seats: [] })
  })
})
