import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { CloudTrailRecord } from '../replay/cloudtrail-record.ts'
import { attackReport } from './attack-report.ts'
import { inFlight } from './in-flight.ts'
import { attackLines, summaryLines } from './replay-lines.ts'

describe('work in flight', () => {
  it('is never more than so many, and all of it is done', async () => {
    let [now, most] = [0, 0]
    const done: number[] = []
    await inFlight(
      Array.from({ length: 20 }, (_, n) => n),
      4,
      async (item) => {
        most = Math.max(most, ++now)
        await turn()
        now -= 1
        done.push(item)
      },
    )
    expect([most, done.length]).toEqual([4, 20])
  })

  it('takes no more after a failure, and waits for what is under way', async () => {
    const [begun, ended]: [number[], number[]] = [[], []]
    const failing = inFlight([1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item)
      await turn()
      if (item === 1) throw new Error('no more')
      ended.push(item)
    })
    await expect(failing).rejects.toThrow('no more')
    expect(begun).not.toContain(5)
    expect(ended.length).toBe(begun.length - 1)
  })
})

const call = (operation: string, over: Partial<CloudTrailRecord> = {}): CloudTrailRecord => ({
  service: 'cloudtrail',
  operation,
  occurredAt: '2023-07-10T11:54:42Z',
  region: 'us-east-1',
  serviceEvent: false,
  identity: {},
  request: {},
  additional: {},
  resourceArns: [],
  userAgent: 'stratus-red-team_1',
  ...over,
})
const step = { technique: 'stop', call: 'cloudtrail:StopLogging', records: 1, effect: 'deny', rule: 'never' } as const

describe('the report on the attack', () => {
  it('finds a step among the calls of the tool and says how it was stopped', () => {
    const calls = [
      { record: call('StopLogging'), effect: 'deny', rules: ['never'] },
      { record: call('StopLogging', { userAgent: 'console' }), effect: 'allow', rules: [] },
    ] as const
    expect(attackReport([step], calls)).toEqual([
      { technique: 'stop', call: step.call, calls: 1, effects: ['deny'], rules: ['never'], stopped: true },
    ])
  })

  it('does not call a step stopped that was allowed or not found', () => {
    const allowed = [{ record: call('StopLogging'), effect: 'allow', rules: ['reads'] }] as const
    expect(attackReport([step], allowed)[0]?.stopped).toBe(false)
    expect(attackReport([step], [])[0]?.stopped).toBe(false)
    expect(attackLines(attackReport([step], [])).join('\n')).toContain('NOT FOUND')
  })

  it('counts cards one by one and grouped', () => {
    const counts = { allow: 2, deny: 1, review: 30 }
    const lines = summaryLines({
      total: counts,
      byAction: Array.from({ length: 30 }, (_, n) => ({ name: `a.${n}`, counts })),
      byPrincipal: [{ name: 'user/x', counts }],
      byRule: [],
      hours: 2,
      cards: { oneByOne: 30, grouped: 4, oneByOnePerHour: 15, groupedPerHour: 2 },
    })
    expect(lines).toContain('and 5 more')
    expect(lines.at(-1)).toContain('15 one by one (30 cards) · 2 grouped')
  })
})
