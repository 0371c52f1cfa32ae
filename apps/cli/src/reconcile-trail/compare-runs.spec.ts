import { describe, expect, it } from 'vitest'
import type { ApprovedRun } from './approved-run.ts'
import { type CompareOptions, compareRuns, isRead } from './compare-runs.ts'
import type { TrailCall } from './trail-call.ts'

const second = 1_000
const noon = Date.parse('2026-11-22T12:00:00Z')

const call = (over: Partial<TrailCall> = {}): TrailCall => ({
  at: noon + 10 * second,
  principal: 'role/etl',
  action: 'data.export',
  target: 'arn:aws:s3:::partner',
  outcome: 'succeeded',
  operation: 's3:PutObject',
  place: 'trail:1',
  ...over,
})
const run = (over: Partial<ApprovedRun> = {}): ApprovedRun => ({
  intentId: 'intent-1',
  agent: 'etl-bot',
  action: 'data.export',
  target: 'arn:aws:s3:::partner',
  byPerson: true,
  approvedAt: noon,
  usedAt: noon + 5 * second,
  until: noon + 20 * second,
  outcome: 'succeeded',
  ...over,
})
const compared = (calls: readonly TrailCall[], runs: readonly ApprovedRun[], over: Partial<CompareOptions> = {}) =>
  compareRuns(
    calls,
    { runs, agents: new Set(['etl-bot']) },
    {
      principals: new Map([['role/etl', 'etl-bot']]),
      toleranceMs: 2 * second,
      withReads: false,
      covers: (target) => target.startsWith('arn:'),
      ...over,
    },
  )
const kinds = (...about: Parameters<typeof compared>) => compared(...about).findings.map(({ kind }) => kind)

/** What else is in the trail, so that it knows of the minutes before and after. */
const around = [
  call({ at: noon - 60 * second, action: 'cloud.read' }),
  call({ at: noon + 90 * second, action: 'cloud.read' }),
]

describe('a call', () => {
  it('is the request of its agent with the same action and target in whose time it falls', () => {
    expect(compared([call()], [run()])).toEqual({ findings: [], matched: 1, reads: 0 })
  })

  it.each([
    ['two seconds before the use of the grant', { at: noon + 3 * second }, 0],
    ['more than that before it', { at: noon + 3 * second - 1 }, 1],
    ['two seconds after the reported end', { at: noon + 22 * second }, 0],
    ['more than that after it', { at: noon + 22 * second + 1 }, 1],
  ])('is held against the time of the request: %s', (_when, over, findings) => {
    expect(compared([...around, call(over)], [run()]).findings.length > 0).toBe(findings > 0)
  })

  it('ran without approval when its agent asked for nothing of the kind', () => {
    expect(kinds([call()], [])).toEqual(['ran_without_approval'])
    expect(kinds([...around, call()], [run({ agent: 'another' })])).toEqual([
      'ran_without_approval',
      'approved_never_run',
    ])
    expect(kinds([call()], [run({ usedAt: undefined, until: undefined, byPerson: false } as never)])).toEqual([
      'ran_without_approval',
    ])
  })

  it('ran differently with another target or action, with another end than was reported, or again', () => {
    const differs = (calls: readonly TrailCall[]) =>
      compared([...around, ...calls], [run()]).findings.map((finding) =>
        finding.kind === 'ran_differently' ? finding.differs : finding.kind,
      )
    expect(differs([call({ target: 'arn:aws:s3:::attacker' })])).toEqual(['target'])
    expect(differs([call({ action: 'snapshot.share' })])).toEqual(['action'])
    expect(differs([call({ outcome: 'failed' })])).toEqual(['outcome'])
    expect(differs([call(), call({ at: noon + 11 * second })])).toEqual(['times'])
    expect(differs([call({ action: 'snapshot.share', target: 'arn:aws:s3:::attacker' })])).toEqual([
      'ran_without_approval',
      'approved_never_run',
    ])
  })

  it('is one request each: two requests are two calls', () => {
    const calls = [call(), call({ at: noon + 11 * second })]
    expect(kinds(calls, [run(), run({ intentId: 'intent-2' })])).toEqual([])
  })

  it('that only reads is counted, and listed when that is asked for', () => {
    const read = call({ action: 'cloud.read' })
    expect(compared([read], [])).toMatchObject({ findings: [], reads: 1 })
    expect(kinds([read], [], { withReads: true })).toEqual(['ran_without_approval'])
    expect(['data.read', 'cloud.report', 'key.use', 'data.export', 'secret.read'].map(isRead)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })
})

describe('a request', () => {
  it('was never run when the trail should know of it', () => {
    expect(kinds(around, [run()])).toEqual(['approved_never_run'])
    expect(kinds(around, [run({ usedAt: undefined, until: undefined } as never)])).toEqual(['approved_never_run'])
  })

  it('is no finding when the trail cannot know: another system, another time, or nobody wanted it any more', () => {
    expect(kinds(around, [run({ target: 'postgres://warehouse' })])).toEqual([])
    expect(kinds(around, [run({ usedAt: noon + 600 * second, until: noon + 700 * second })])).toEqual([])
    expect(kinds(around, [run({ usedAt: undefined, until: undefined, byPerson: false } as never)])).toEqual([])
  })
})

describe('a principal', () => {
  it('that is no agent is named with its number of calls, whatever they were', () => {
    const calls = [call({ principal: 'user/mallory', action: 'cloud.read' }), call({ principal: 'user/mallory' })]
    expect(compared(calls, []).findings).toContainEqual({
      kind: 'unregistered_principal',
      principal: 'user/mallory',
      calls: 2,
    })
  })
})
