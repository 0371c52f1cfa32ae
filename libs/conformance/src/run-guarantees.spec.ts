import { describe, expect, it } from 'vitest'
import { countersignGate } from './countersign-gate.ts'
import { Broken, Unproven } from './evidence.ts'
import type { Cast } from './gate.ts'
import type { Guarantee } from './guarantee.ts'
import { guarantees } from './guarantees.ts'
import { junitOf } from './junit.ts'
import { checkGuarantee, runGuarantees } from './run-guarantees.ts'
import { faults } from './seeded-faults.ts'
import type { Reply, Send } from './send.ts'

const everybody: Cast = {
  agentName: 'agent',
  agent: 'agent',
  delegatedAgent: 'delegated',
  anotherAgent: 'another',
  foreignAgent: 'foreign',
  owner: 'owner',
  asker: 'asker',
  askerName: { issuer: 'https://idp.example', subject: 'asker' },
  reviewer: 'reviewer',
  secondReviewer: 'second',
  crowd: ['third', 'fourth'],
  onlooker: 'onlooker',
  operator: 'operator',
  auditor: 'auditor',
  forged: { unsigned: 'forged' },
}
const { signal } = new AbortController()
const json = (status: number, body: object): Reply => ({ status, bytes: Buffer.from(JSON.stringify(body)) })
const check = (guarantee: Guarantee, send: Send, cast = everybody) =>
  checkGuarantee(guarantee, { gate: countersignGate(send, 'agent'), cast, signal })

const broken: Record<string, Send> = {
  'does not answer': () => Promise.reject(new Error('connection refused')),
  'refuses everything': async () => json(403, { code: 'not_allowed' }),
  'fails at everything': async () => json(500, { code: 'internal_error' }),
  'accepts everything': async () => json(200, {}),
  'answers with something else': async () => ({ status: 200, bytes: Buffer.from('<html>hello</html>') }),
}

describe.each(Object.entries(broken))('a gate that %s', (what, send) => {
  it.each(guarantees)('does not pass $id', async (guarantee) => {
    const { verdict } = await check(guarantee, send)
    expect(verdict).not.toBe('PASS')
    if (what === 'does not answer' || what === 'fails at everything') expect(verdict).toBe('INCOMPLETE')
  })
})

describe('evidence', () => {
  it.each(guarantees)('that is missing leaves $id incomplete: there is nobody to act', async (guarantee) => {
    const { verdict } = await check(guarantee, async () => json(200, {}), {})
    expect(verdict).toBe('INCOMPLETE')
  })

  const judged = (check: Guarantee['check']) =>
    checkGuarantee(
      { id: 'G99', title: 'A guarantee', meaning: '', test: '', check },
      { gate: countersignGate(async () => json(200, {}), 'agent'), cast: {}, signal },
    )

  it('passes only when the check ran to its end', async () => {
    expect(await judged(async () => 'seen')).toMatchObject({ verdict: 'PASS', told: 'seen' })
    expect(await judged(() => Promise.reject(new Broken('it ran')))).toMatchObject({ verdict: 'FAIL', told: 'it ran' })
    expect(await judged(() => Promise.reject(new Unproven('no answer')))).toMatchObject({ verdict: 'INCOMPLETE' })
    expect(await judged(() => Promise.reject(new TypeError('a mistake of the check')))).toMatchObject({
      verdict: 'INCOMPLETE',
      told: 'the check went wrong: a mistake of the check',
    })
  })
})

describe('the list', () => {
  it('numbers guarantees without a gap and tells each in full', () => {
    expect(guarantees.map(({ id }) => id)).toEqual(guarantees.map((_, at) => `G${String(at + 1).padStart(2, '0')}`))
    for (const { title, meaning, test } of guarantees) {
      expect(title).toMatch(/^[A-Z].*[^.]$/)
      for (const sentence of [meaning, test]) expect(sentence).toMatch(/^[A-Z0-9].*\.$/)
    }
  })

  it('has a seeded fault for each guarantee, and no fault for another', () => {
    const ids = guarantees.map(({ id }) => id)
    expect([...new Set(faults.map(({ guarantee }) => guarantee))].toSorted()).toEqual(ids)
  })

  it('gives a result for each, in order', async () => {
    const results = await runGuarantees({
      guarantees,
      gate: countersignGate(async () => json(403, { code: 'not_allowed' }), 'agent'),
      cast: everybody,
      signal,
    })
    expect(results.map(({ id }) => id)).toEqual(guarantees.map(({ id }) => id))
  })
})

describe('the JUnit report', () => {
  const result = { id: 'G01', title: 'Nobody <self> & "all"', told: 'a\u0000b', ms: 12 } as const

  it('counts what is disproven as a failure and what is unproven as an error', () => {
    const report = junitOf([
      { ...result, verdict: 'PASS' },
      { ...result, verdict: 'FAIL' },
      { ...result, verdict: 'INCOMPLETE' },
    ])
    expect(report).toContain('<testsuites tests="3" failures="1" errors="1" time="0.036">')
    expect(report).toContain('<failure message="a\\u0000b"/>')
    expect(report).toContain('<error message="a\\u0000b"/>')
    expect(report).toContain('name="G01 Nobody &lt;self&gt; &amp; &quot;all&quot;" time="0.012"/>')
  })
})
