import { describe, expect, it } from 'vitest'
import { acceptedPolicySet, evaluate, loadPolicySet, policyLimits } from './index.ts'
import { facts, problemsOf, schema, setOf } from './policy-set.fixture.ts'

const allow = (id: string, when = 'true') =>
  `@id("${id}") @decision("allow") permit(principal, action == CS::Action::"data.export", resource) when { ${when} };`
const codes = (policies: string | Record<string, string>, schemaText?: string) =>
  problemsOf(policies, schemaText).map(({ code }) => code)

describe('loading a policy set', () => {
  it('names the same texts with the same digest, whatever order the files come in', () => {
    const one = loadPolicySet({ schema, policies: { 'a.cedar': allow('a'), 'b.cedar': allow('b') } })
    const two = loadPolicySet({ schema, policies: { 'b.cedar': allow('b'), 'a.cedar': allow('a') } })
    expect(one.ok).toBe(true)
    expect(one.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(two.digest).toBe(one.digest)
    expect(loadPolicySet({ schema: `${schema}\n`, policies: {} }).digest).not.toBe(one.digest)
  })

  it('keeps what the annotations say', () => {
    const rule = setOf(`
      @id("export") @decision("review") @seats("data-owners:1, sre:2") @ttl("PT5M") @deadline("PT1H") @reason("Why")
      permit(principal, action in [CS::Action::"data.export", CS::Action::"reading"], resource);`).rules.get('export')
    expect(rule).toMatchObject({
      effect: 'review',
      seats: [
        { group: 'data-owners', count: 1 },
        { group: 'sre', count: 2 },
      ],
      ttlMs: 300_000,
      deadlineMs: 3_600_000,
      text: 'Why',
      file: 'rules.cedar',
      line: 2,
    })
    expect([...(rule?.actions ?? [])].toSorted()).toEqual(['data.export', 'data.list', 'data.read', 'reading'])
  })

  it.each([
    ['no @id', 'permit(principal, action, resource);', ['rule_id_missing', 'decision_missing']],
    ['an @id that no event can carry', allow('Not Good'), ['rule_id_invalid']],
    ['two policies with one @id', { 'a.cedar': allow('x'), 'b.cedar': allow('x', '1 == 1') }, ['rule_id_duplicate']],
    [
      'a permit that does not say what it decides',
      '@id("x") permit(principal, action, resource);',
      ['decision_missing'],
    ],
    [
      'a decision nobody knows',
      '@id("x") @decision("maybe") permit(principal, action, resource);',
      ['decision_missing'],
    ],
    ['a review without seats', '@id("x") @decision("review") permit(principal, action, resource);', ['seats_missing']],
    ['a misspelt annotation', '@id("x") @reson("y") forbid(principal, action, resource);', ['annotation_unknown']],
    [
      'a decision on a forbid',
      '@id("x") @decision("allow") forbid(principal, action, resource);',
      ['annotation_misplaced'],
    ],
    [
      'seats on an allow',
      '@id("x") @decision("allow") @seats("a:1") permit(principal, action, resource);',
      ['annotation_misplaced'],
    ],
    [
      'no seat',
      '@id("x") @decision("review") @seats("a:0") permit(principal, action, resource);',
      ['annotation_invalid'],
    ],
    [
      'a group twice',
      '@id("x") @decision("review") @seats("a:1,a:2") permit(principal, action, resource);',
      ['annotation_invalid'],
    ],
    [
      'an assurance that every review has',
      '@id("x") @decision("review") @seats("a:1") @assurance("chat") permit(principal, action, resource);',
      ['annotation_invalid'],
    ],
    [
      'an assurance on a permit that nobody reviews',
      '@id("x") @decision("allow") @assurance("mfa") permit(principal, action, resource);',
      ['annotation_misplaced'],
    ],
    [
      'a sign-in of a second ago',
      '@id("x") @decision("review") @seats("a:1") @signed_in_within("PT1S") permit(principal, action, resource);',
      ['annotation_invalid'],
    ],
    [
      'a grant of an hour',
      '@id("x") @decision("allow") @ttl("PT1H") permit(principal, action, resource);',
      ['annotation_invalid'],
    ],
    [
      'a template',
      '@id("x") @decision("allow") permit(principal == ?principal, action, resource);',
      ['template_not_supported'],
    ],
    [
      'an action that the schema does not have',
      '@id("x") forbid(principal, action == CS::Action::"data.exprot", resource);',
      ['validation_error', 'rule_suspicious', 'rule_suspicious'],
    ],
    [
      'a forbid that can never apply',
      '@id("x") forbid(principal, action, resource) when { false };',
      ['rule_suspicious'],
    ],
    ['an unknown operator', allow('x', '1 ~= 2'), ['syntax_error']],
    ['no rule at all', '// nothing yet', ['no_rules']],
    ['a file with another ending', { 'a.txt': allow('a') }, ['file_name_invalid']],
  ])('refuses %s', (_what, policies, expected) => {
    expect(codes(policies)).toEqual(expected)
  })

  it('says where, and what was meant', () => {
    const [problem] = problemsOf(
      `// é first\n${allow('good')}\n\n@id("typo")\nforbid(principal, action == CS::Action::"data.export", resource)\nwhen { context.envronment == "x" };`,
    )
    expect(problem).toMatchObject({ code: 'validation_error', rule: 'typo', file: 'rules.cedar', line: 6 })
    expect(problem?.message).toContain('did you mean `environment`?')
    expect(problemsOf(`${allow('a')}\n\npermit(pricipal, action, resource);`)).toMatchObject([
      { code: 'syntax_error', line: 3 },
    ])
  })

  it.each([
    ['does not parse', 'namespace CS { entity }', 'schema_invalid'],
    [
      'has another namespace',
      'namespace X { entity A; action a appliesTo { principal: A, resource: A }; }',
      'schema_unsupported',
    ],
    [
      'asks for a fact there is none of',
      schema.replace('environment: String, target', 'hour: Long, environment: String, target'),
      'schema_unsupported',
    ],
    ['gives a fact another type', schema.replaceAll('environment: String', 'environment: Long'), 'schema_unsupported'],
    ['requires what may be absent', schema.replaceAll('impact?:', 'impact:'), 'schema_unsupported'],
    [
      'speaks of another principal',
      schema.replace('entity Agent', 'entity Robot, Agent').replace('principal: Agent', 'principal: Robot'),
      'schema_unsupported',
    ],
  ])('refuses a schema that %s', (_what, text, code) => {
    expect(codes(allow('a'), text)[0]).toBe(code)
  })

  it('refuses sets that are too large', () => {
    expect(codes({ 'a.cedar': `${allow('a')} // ${'x'.repeat(policyLimits.fileBytes)}` })).toEqual(['too_large'])
    expect(codes(Array.from({ length: policyLimits.rules + 1 }, (_, index) => allow(`r${index}`)).join('\n'))).toEqual([
      'too_many_rules',
    ])
    const five = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}.cedar`, 'x'.repeat(100_000)]))
    expect(codes(five)).toEqual(['too_large'])
  })

  it('refuses nesting that overflows the engine, and the sets already loaded still decide', () => {
    const set = setOf(allow('a'))
    const deep = allow('deep', `${'('.repeat(2_000)}true${')'.repeat(2_000)}`)
    expect(codes(deep)).toEqual(['engine_failure'])
    expect(codes(allow('long', `true${' && true'.repeat(5_000)}`))).toEqual(['engine_failure'])
    expect(evaluate(set, facts()).effect).toBe('allow')
    expect(evaluate(setOf(allow('b')), facts()).effect).toBe('allow')
  })
})

describe('preparing a set that was accepted before', () => {
  const source = {
    schema,
    policies: {
      'a.cedar': allow('a'),
      'b.cedar': allow('b', 'context.parameters has rows && context.parameters.rows < 10'),
    },
  }

  it('gives what loading it gave, and it decides the same', () => {
    const loaded = loadPolicySet(source)
    const again = acceptedPolicySet(source, loaded.digest)
    if (!loaded.ok || again === undefined) throw new Error('it was not prepared')
    expect([...again.rules]).toEqual([...loaded.set.rules])
    expect([...again.contexts]).toEqual([...loaded.set.contexts])
    for (const rows of [1, 100])
      expect(evaluate(again, facts({ parameters: { rows } }))).toEqual(
        evaluate(loaded.set, facts({ parameters: { rows } })),
      )
  })

  it('is not done for other texts, and not for texts that do not parse', () => {
    const { digest } = loadPolicySet(source)
    expect(acceptedPolicySet({ ...source, policies: { 'a.cedar': allow('a') } }, digest)).toBeUndefined()
    const broken = { schema, policies: { 'a.cedar': 'permit(' } }
    expect(acceptedPolicySet(broken, loadPolicySet(broken).digest)).toBeUndefined()
  })

  it('denies where a rule that no validation would have passed errs', () => {
    const never = { schema, policies: { 'a.cedar': allow('a', 'context.parameters.rows < "ten"') } }
    const { ok, digest } = loadPolicySet(never)
    expect(ok).toBe(false)
    const set = acceptedPolicySet(never, digest)
    if (set === undefined) throw new Error('it was not prepared')
    expect(evaluate(set, facts({ parameters: { rows: 1 } }))).toMatchObject({ effect: 'deny', code: 'policy_error' })
  })
})
