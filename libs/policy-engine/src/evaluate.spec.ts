import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deniesOnly, evaluate, explain, parseDurationMs } from './index.ts'
import { facts, setOf } from './policy-set.fixture.ts'

const exporting = 'principal, action == CS::Action::"data.export", resource'
const allow = (id: string, when = '1 == 1') => `@id("${id}") @decision("allow") permit(${exporting}) when { ${when} };`
const forbid = (id: string, when = '1 == 1') => `@id("${id}") @reason("No") forbid(${exporting}) when { ${when} };`
const review = (id: string, seats: string, more = '') =>
  `@id("${id}") @decision("review") @seats("${seats}") ${more} permit(${exporting});`
const overflow = 'context.parameters has rows && context.parameters.rows * 9223372036854775807 > 0'

describe('what a policy set decides', () => {
  it.each([
    ['allow', [allow('a')], 'allow', ['a']],
    ['review', [review('r', 'x:1')], 'review', ['r']],
    ['deny', [forbid('f')], 'deny', ['f']],
    ['review beats allow', [allow('a'), review('r', 'x:1')], 'review', ['r']],
    ['deny beats allow', [allow('a'), forbid('f')], 'deny', ['f']],
    ['deny beats review', [review('r', 'x:1'), forbid('f')], 'deny', ['f']],
    ['deny beats both', [allow('a'), review('r', 'x:1'), forbid('f'), forbid('e')], 'deny', ['e', 'f']],
    ['no rule that applies denies', [allow('a', 'context.environment == "staging"')], 'deny', []],
  ])('%s', (_what, rules, effect, named) => {
    const decision = evaluate(setOf(rules.join('\n')), facts())
    expect(decision).toMatchObject({ effect, rules: named })
    expect(decision.code).toBe(effect === 'deny' ? 'policy_denied' : undefined)
  })

  it('asks for the seats of every review that applies, within the shortest times', () => {
    const set = setOf(
      [
        review('r1', 'owners:2,sre:1', '@ttl("PT5M") @deadline("PT2H")'),
        review('r2', 'owners:1,legal:1', '@ttl("PT10M") @deadline("PT1H")'),
        '@id("a") @decision("allow") @ttl("PT1M") permit(principal, action, resource);',
      ].join('\n'),
    )
    expect(evaluate(set, facts())).toMatchObject({
      effect: 'review',
      seats: [
        { group: 'legal', count: 1 },
        { group: 'owners', count: 2 },
        { group: 'sre', count: 1 },
      ],
      grantTtlMs: 60_000,
      deadlineMs: 3_600_000,
    })
  })

  it('demands the strongest assurance and the most recent sign-in that any review asks for', () => {
    const demandOf = (...annotations: string[]) => {
      const decision = evaluate(setOf(annotations.map((more, at) => review(`r${at}`, 'x:1', more)).join('\n')), facts())
      return decision.effect === 'review' ? decision.assurance : decision
    }
    expect(demandOf('')).toBeUndefined()
    expect(demandOf('@assurance("mfa")', '')).toEqual({ atLeast: 'mfa' })
    expect(demandOf('@signed_in_within("PT15M")')).toEqual({ atLeast: 'sso', signedInWithinMs: 900_000 })
    const [strong, recent] = ['@assurance("webauthn") @signed_in_within("PT1H")', '@signed_in_within("PT5M")']
    for (const rules of [
      [strong, recent, '@assurance("mfa")'],
      ['@assurance("mfa")', recent, strong],
    ])
      expect(demandOf(...rules)).toEqual({ atLeast: 'webauthn', signedInWithinMs: 300_000 })
  })

  it('denies rather than ask for fewer groups than the reviews want', () => {
    const many = (from: number) => Array.from({ length: 5 }, (_, index) => `g${from + index}:1`).join(',')
    const set = setOf(review('r1', many(0)) + review('r2', many(5)))
    expect(evaluate(set, facts())).toMatchObject({ effect: 'deny', code: 'policy_error' })
  })

  it('denies an action that no rule names, even when a rule about every action permits it', () => {
    const set = setOf('@id("all") @decision("allow") permit(principal, action, resource);' + allow('a'))
    expect(evaluate(set, facts({ action: 'data.forget' }))).toMatchObject({ effect: 'deny', code: 'unknown_action' })
    expect(evaluate(set, facts({ action: 'no.such-thing' }))).toMatchObject({ effect: 'deny', code: 'unknown_action' })
  })

  it('knows an action by the group that a rule names', () => {
    const set = setOf('@id("reads") @decision("allow") permit(principal, action in CS::Action::"reading", resource);')
    expect(evaluate(set, facts({ action: 'data.list' })).effect).toBe('allow')
  })

  it('denies when a forbid errs, which the engine itself would skip', () => {
    const set = setOf(allow('a') + forbid('f', overflow))
    expect(evaluate(set, facts({ parameters: { rows: 1 } })).rules).toEqual(['f'])
    expect(evaluate(set, facts({ parameters: { rows: 0 } })).effect).toBe('allow')
    expect(evaluate(set, facts({ parameters: { rows: 2 } }))).toMatchObject({
      effect: 'deny',
      code: 'policy_error',
      rules: [],
    })
    expect(explain(set, facts({ parameters: { rows: 2 } })).rules).toMatchObject([
      { id: 'a', outcome: 'applies', determines: false },
      { id: 'f', outcome: 'error', determines: false },
    ])
  })

  it.each([
    ['a string where a number is declared', { rows: '100000' }],
    ['a fraction', { rows: 1.5 }],
    ['a number beyond 2^53', { rows: 2 ** 60 }],
    ['a number in a set of strings', { tags: ['a', 1] }],
    ['a missing part of a record', { nested: {} }],
    ['a list for a record', { nested: [1] }],
    ['an entity for a string', { bucket: { __entity: { type: 'CS::Agent', id: 'x' } } }],
    ['no address', { from: 'zzz' }],
  ])('denies a declared parameter that is %s, so that no forbid is slipped past', (_what, parameters) => {
    const set = setOf(allow('a') + forbid('f', 'context.parameters has rows && context.parameters.rows > 1000'))
    expect(evaluate(set, facts({ parameters }))).toMatchObject({ effect: 'deny', code: 'policy_error' })
  })

  it('leaves out what no rule can read, and keeps what it read as the facts of the decision', () => {
    const set = setOf(allow('a', 'context.parameters has nested && context.parameters.nested.deep == 3'))
    const parameters = {
      nested: { deep: 3, other: 1 },
      secret: 'hunter2',
      bucket: null,
      __extn: { fn: 'ip', arg: 'x' },
    }
    const decision = evaluate(set, facts({ parameters }))
    expect(decision.effect).toBe('allow')
    expect(decision.facts.parameters).toEqual({ nested: { deep: 3 } })
    expect(evaluate(set, decision.facts)).toEqual(decision)
  })

  it('reads addresses, sets and claims', () => {
    const set = setOf(
      allow('a', 'context.parameters has from && context.parameters.from.isInRange(ip("10.0.0.0/8"))') +
        forbid(
          'f',
          'context has impact && context.impact has dataClasses && context.impact.dataClasses.contains("pii")',
        ),
    )
    expect(evaluate(set, facts({ parameters: { from: '10.1.2.3' } })).effect).toBe('allow')
    expect(evaluate(set, facts({ parameters: { from: '11.1.2.3' } })).effect).toBe('deny')
    const claimed = facts({ parameters: { from: '10.1.2.3' }, impact: { dataClasses: ['pii'] } })
    expect(evaluate(set, claimed)).toMatchObject({
      effect: 'deny',
      rules: ['f'],
      reasons: [{ rule: 'f', effect: 'deny', text: 'No' }],
    })
  })

  it('asks only the forbids again when a grant is collected', () => {
    const set = setOf(review('r', 'x:1') + forbid('f', 'context.environment == "production"'))
    expect(deniesOnly(set, facts())).toMatchObject({ effect: 'deny', code: 'policy_denied', rules: ['f'] })
    expect(deniesOnly(set, facts({ environment: 'staging' }))).toBeUndefined()
    expect(deniesOnly(setOf(allow('a', 'context.environment == "never"')), facts())).toBeUndefined()
    expect(deniesOnly(set, facts({ action: 'data.forget' }))).toMatchObject({ code: 'unknown_action' })
    const errs = setOf(allow('a') + forbid('f', overflow))
    expect(deniesOnly(errs, facts({ parameters: { rows: 2 } }))).toMatchObject({ code: 'policy_error' })
  })

  it('denies once when its engine has failed and goes on with a new one', () => {
    const set = setOf(allow('a'))
    const broken = {
      statefulIsAuthorized: () => {
        throw new Error('unreachable')
      },
    }
    Object.assign(set.prepared, { cedar: broken })
    set.prepared.actions.add('data.export')
    expect(evaluate(set, facts())).toMatchObject({ effect: 'deny', code: 'policy_error' })
    expect(evaluate(set, facts()).effect).toBe('allow')
  })
})

describe('whatever the rules', () => {
  type Written = { effect: 'allow' | 'review' | 'deny'; applies: boolean; count: number; ttl: number }
  const rule = fc.record<Written>({
    effect: fc.constantFrom('allow', 'review', 'deny'),
    applies: fc.boolean(),
    count: fc.integer({ min: 1, max: 3 }),
    ttl: fc.integer({ min: 1, max: 15 }),
  })
  const written = (rules: readonly Written[]) =>
    rules.map(({ effect, applies, count, ttl }, index) => {
      const when = `when { context.environment == "${applies ? 'production' : 'staging'}" };`
      if (effect === 'deny') return `@id("r${index}") forbid(${exporting}) ${when}`
      const annotations =
        effect === 'review' ? `@decision("review") @seats("g${index % 3}:${count}")` : '@decision("allow")'
      return `@id("r${index}") ${annotations} @ttl("PT${ttl}M") permit(${exporting}) ${when}`
    })
  const strictness = { allow: 0, review: 1, deny: 2 }

  it('the strictest of those that apply decides, and more permits never relax it', () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), rule, (rules, extra) => {
        const decide = (list: readonly Written[]) => evaluate(setOf(written(list).join('\n')), facts())
        const decision = decide(rules)
        const applying = rules.filter(({ applies }) => applies).map(({ effect }) => effect)
        const expected = applying.toSorted((a, b) => strictness[b] - strictness[a])[0] ?? 'deny'
        expect(decision.effect).toBe(expected)
        const more = decide([...rules, extra])
        if (applying.length > 0) expect(strictness[more.effect]).toBeGreaterThanOrEqual(strictness[decision.effect])
        if (more.effect === 'review' && decision.effect === 'review') {
          expect(more.grantTtlMs).toBeLessThanOrEqual(decision.grantTtlMs)
          for (const { group, count } of decision.seats)
            expect(more.seats.find((seat) => seat.group === group)?.count ?? 0).toBeGreaterThanOrEqual(count)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('the order of the files changes nothing', () => {
    const cases = fc.array(rule, { minLength: 2, maxLength: 6 }).chain((rules) =>
      fc.record({
        rules: fc.constant(written(rules)),
        order: fc.shuffledSubarray([...rules.keys()], { minLength: rules.length }),
      }),
    )
    fc.assert(
      fc.property(cases, ({ rules, order }) => {
        const files = (indexes: readonly number[]) =>
          setOf(Object.fromEntries(indexes.map((index) => [`f${index}.cedar`, rules[index] ?? ''])))
        const [straight, shuffled] = [files([...rules.keys()]), files(order)]
        expect(shuffled.digest).toBe(straight.digest)
        expect(evaluate(shuffled, facts())).toEqual(evaluate(straight, facts()))
      }),
      { numRuns: 20 },
    )
  })

  it('no parameters make it fail, and none but a small number of rows passes the forbid', () => {
    const set = setOf(allow('a') + forbid('f', 'context.parameters has rows && context.parameters.rows > 10'))
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('rows', 'bucket', 'nested', 'tags', 'x', '__proto__'), fc.jsonValue()),
        (parameters) => {
          const decision = evaluate(set, facts({ parameters: parameters as never }))
          const rows: unknown = Object.hasOwn(parameters, 'rows') ? parameters['rows'] : undefined
          if (rows !== undefined && rows !== null && !(Number.isSafeInteger(rows) && (rows as number) <= 10))
            expect(decision.effect).toBe('deny')
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('durations', () => {
  it.each([
    ['PT5M', 300_000],
    ['PT1H30M', 5_400_000],
    ['P1DT12H', 129_600_000],
    ['PT30S', 30_000],
    ['P', undefined],
    ['PT', undefined],
    ['P1M', undefined],
    ['5m', undefined],
    ['-PT5M', undefined],
  ])('%s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms)
  })
})
