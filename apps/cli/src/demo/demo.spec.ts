import { describe, expect, it } from 'vitest'
import { Failure } from '../exit-codes.ts'
import { checkFault, checkFaults } from './check-faults.ts'
import { topicLines } from './count-topics.ts'
import { demoLine } from './demo-line.ts'
import { notAsExpected } from './demo-world.ts'
import { faultNames, faults } from './faults.ts'
import { type SlackBlock, unverifiedWords } from './slack-page.ts'
import { type Span, spansOf, traceTree } from './trace-tree.ts'
import { whyStopped } from './why-stopped.ts'

describe('a line of the demo', () => {
  it('stands in columns and says outcome, time and reason', () => {
    const lines = [
      demoLine({ label: '1 read', what: 'orders', outcome: 'ALLOWED', ms: 3, reason: 'reads-are-free' }),
      demoLine({ what: 'Dana clicks Approve', outcome: 'REFUSED', ms: 1_200, reason: 'owner_of_agent' }),
    ]
    expect(lines.map((line) => [line.search(/[A-Z]{5}/), line.indexOf('ms') + line.indexOf(' s ')])).toHaveLength(2)
    expect(lines[0]?.indexOf('ALLOWED')).toBe(lines[1]?.indexOf('REFUSED'))
    expect(lines[0]?.indexOf('reads-are-free')).toBe(lines[1]?.indexOf('owner_of_agent'))
    expect(lines[0]).toContain('3 ms')
  })

  it('colours the outcome alone', () => {
    const line = demoLine({ what: 'x', outcome: 'DENIED' }, (format, text) => `<${format}>${text}</>`)
    expect(line.match(/<[^>]*>/g)).toEqual(['<red>', '</>'])
  })

  it('cuts what is too long instead of pushing the outcome away', () => {
    const line = demoLine({ label: 'proof', what: 'x'.repeat(80), outcome: 'VERIFIED' })
    expect(line.indexOf('VERIFIED')).toBe(
      demoLine({ label: 'proof', what: 'x', outcome: 'VERIFIED' }).indexOf('VERIFIED'),
    )
  })
})

describe('the topics of the demo', () => {
  it('are listed with what is new, and the groups with what they have before them', () => {
    const lines = topicLines(
      new Map([['countersign.events.v1', 17]]),
      new Map([
        ['countersign.events.v1', 1_037],
        ['countersign.decisions.v1.etl', 4],
      ]),
      new Map([['countersign.policy', 0]]),
    )
    expect(lines[1]?.split(/ +/)).toEqual(['countersign.events.v1', '17', '1,037', '+1,020'])
    expect(lines[2]?.split(/ +/)).toEqual(['countersign.decisions.v1.etl', '0', '4', '+4'])
    expect(lines.at(-1)?.split(/ +/)).toEqual(['countersign.policy', '0'])
  })
})

const card = (...texts: string[]) => ({
  ts: '1.0',
  channel: 'C1',
  text: 'Approve data.export?',
  blocks: texts.map((text): SlackBlock => ({ type: 'section', text: { text } })),
})

describe("the agent's words on a card", () => {
  const title = "The agent's words, unverified"

  it('are those below the title, without their bars', () => {
    expect(unverifiedWords(card('Action', `${title}\n│ partner asked\n│ twice`))).toBe('partner asked\ntwice')
  })

  it.each([
    ['not called unverified', card('Rationale\n│ partner asked')],
    ['without a bar on a line', card(`${title}\n│ partner asked\nApproved by Ben`)],
    ['there twice', card(`${title}\n│ partner asked`, `${title}\n│ partner asked`)],
    ['shown elsewhere as well', card(`${title}\n│ partner asked`, 'Reason: partner asked')],
  ])('do not count when they are %s', (_name, message) => {
    expect(unverifiedWords(message)).toBeUndefined()
  })
})

const span = (over: Partial<Span>): Span => ({
  traceId: 't1',
  spanId: 's1',
  name: 'POST /v1/intents',
  service: 'countersign',
  startedAt: '2026-11-21T10:00:00.000Z',
  durationMs: 5,
  status: 'ok',
  ...over,
})

describe('a trace', () => {
  const root = span({})
  const ledger = span({
    spanId: 's3',
    parentSpanId: 's1',
    name: 'ledger.append-entry',
    startedAt: '2026-11-21T10:00:00.020Z',
  })
  const relay = span({
    spanId: 's2',
    parentSpanId: 's1',
    name: 'relay.publish-events',
    startedAt: '2026-11-21T10:00:00.010Z',
  })

  it('is read from a file in which others are, and the last line is cut off', () => {
    const lines = [root, span({ traceId: 't2', spanId: 's9' }), ledger].map((line) => JSON.stringify(line))
    expect(spansOf([...lines, '{"traceId":"t1","spa'].join('\n'), 't1')).toEqual([root, ledger])
  })

  it('is a tree in the order of time, whatever the order of the lines', () => {
    expect(traceTree([ledger, relay, root])).toEqual([
      '    +0 ms     5.0 ms  POST /v1/intents',
      '   +10 ms     5.0 ms  ├─ relay.publish-events',
      '   +20 ms     5.0 ms  └─ ledger.append-entry',
    ])
  })

  it('counts spans that begin together, shows services that differ, failures and lost parents', () => {
    const twin = { ...relay, spanId: 's4' }
    const lost = span({
      spanId: 's5',
      parentSpanId: 'gone',
      service: 'policy',
      status: 'error',
      name: 'policy.evaluate-intent',
    })
    const lines = traceTree([root, relay, twin, lost])
    expect(lines.some((line) => line.endsWith('└─ countersign  relay.publish-events ×2'))).toBe(true)
    expect(lines.some((line) => line.endsWith(' policy  policy.evaluate-intent  ERROR'))).toBe(true)
  })
})

describe('a demo that stopped', () => {
  const lastLine = Date.parse('2026-11-21T10:00:01.000Z')
  const told = async (error: unknown, story: (path: string) => Promise<object>) => {
    const callAsAgent = story as Parameters<typeof whyStopped>[1]['callAsAgent']
    const reached = { at: lastLine, intentId: 'i1' }
    return whyStopped(error, { callAsAgent, reached, signal: new AbortController().signal })
  }
  const step = (second: number, code?: string) => ({ at: `2026-11-21T10:00:0${second}.000Z`, code })
  const stopped = notAsExpected('1 read', 'allowed', 'denied')

  it('tells the last refusal since its last line, and what to do next', async () => {
    const steps = [step(0, 'owner_of_agent'), step(2, 'card_stale'), step(3, 'policy_denied'), step(4)]
    expect(await told(stopped, async () => ({ steps }))).toMatchObject({
      message: 'the demo stopped: 1 read',
      why: 'expected allowed, got denied: refused with policy_denied: Policy denies this action',
      next: expect.stringContaining('See the rules that decided. npm run demo') as string,
      exitCode: 2,
    })
  })

  it('tells the refusal that came where another was expected', async () => {
    const other = notAsExpected('Dana clicks Approve', 'owner_of_agent', 'person_inactive')
    expect(await told(other, async () => ({ steps: [] }))).toMatchObject({
      why: 'expected owner_of_agent, got refused with person_inactive: This person is not active in the directory',
      next: expect.stringContaining('Ask the directory’s owner.') as string,
    })
  })

  it('stays as it is where nothing was refused since, or nobody tells', async () => {
    expect(await told(stopped, async () => ({ steps: [step(0, 'owner_of_agent')] }))).toBe(stopped)
    expect(await told(stopped, () => Promise.reject(new Error('down')))).toBe(stopped)
    const broken = new Error('fetch failed')
    expect(await told(broken, async () => ({ steps: [step(3, 'policy_denied')] }))).toBe(broken)
  })
})

describe('checking the demo with faults', () => {
  const stopped = (at: string) => new Failure(`the demo stopped: ${at}`, { why: 'expected this, got that' })

  it('passes when the demo stops at the very step of the fault', async () => {
    const check = await checkFault('no-swap', () => Promise.reject(stopped('the agent swaps the bucket and redeems')))
    expect(check.passed).toBe(true)
  })

  it('fails when the demo goes through, stops elsewhere, or breaks', async () => {
    const outcomes = [
      () => Promise.resolve(),
      () => Promise.reject(stopped('1 read')),
      () => Promise.reject(new Error('fetch failed')),
    ]
    for (const outcome of outcomes) expect((await checkFault('no-swap', outcome)).passed).toBe(false)
  })

  it('plays the demo as it is before and after, and each fault once', async () => {
    const played: string[] = []
    const told: string[] = []
    const terminal = { out: (line = '') => void told.push(line) } as Parameters<typeof checkFaults>[1]
    const play = (fault: (typeof faultNames)[number] | undefined) => {
      played.push(fault ?? 'none')
      return fault === undefined ? Promise.resolve() : Promise.reject(stopped(faults[fault].noticedAt))
    }
    expect(await checkFaults(play, terminal)).toBe(true)
    expect(played).toEqual(['none', ...faultNames, 'none'])
    expect(told.at(-1)).toBe(`${faultNames.length + 2} passed, 0 failed`)
  })
})
