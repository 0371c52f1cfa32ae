import type { Seat, SealedIntent } from '@countersign/contracts'
import { foldIntent, isPublished } from '@countersign/intent'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Presentation, presentationOf } from '../../present-review/presentation.ts'
import { type CardLinks, cardLogs, fitsCard, renderCard, type SlackMessage } from './render-card.ts'

const id = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const digest = `sha256:${'a'.repeat(64)}`
const links: CardLinks = { approve: 'v'.repeat(250), deny: 'v'.repeat(250), details: 'https://c.example/v1/reviews/1' }
const progress = { state: 'in_review', isOpen: true, verdicts: [], seatsWanted: 1, approvals: 0 }

type Texts = {
  readonly target?: string
  readonly agent?: string
  readonly rationale?: string
  readonly parameters?: SealedIntent['parameters']
  readonly preconditions?: Record<string, string>
  readonly logs?: readonly string[]
  readonly owners?: readonly string[]
  readonly rules?: readonly string[]
  readonly reason?: string
  readonly seats?: readonly Seat[]
}

/** A presentation as the channel gets it, made of events as they come from the store. */
const present = (texts: Texts): Presentation => {
  const {
    target = 'db/orders',
    agent = 'etl-bot',
    owners = [],
    rules = ['rule'],
    seats = [{ group: 'g', count: 1 }],
  } = texts
  const event = (type: string, data: object) => ({ type, data, kind: 'intent', schemaVersion: 1 }) as never
  const intent = foldIntent([
    event('ActionIntentPublished', {
      intentId: id(1),
      producer: 'etl',
      agent: { subjectId: id(2), name: agent, kind: 'agent' },
      executor: { subjectId: id(3), clientId: agent },
      onBehalfOf: null,
      owners: owners.map((_, index) => id(index + 10)),
      action: 'data.export',
      target,
      environment: 'production',
      actionDigest: digest,
      deadline: '2026-11-21T11:00:00.000Z',
    }),
    event('PolicyEvaluated', {
      policySetDigest: digest,
      reasons: rules.map((rule) => ({ rule, effect: 'review', text: texts.reason ?? 'x' })),
    }),
    event('ReviewRequested', {
      reviewId: id(4),
      seats,
      deadline: '2026-11-21T10:30:00.000Z',
      rules,
      excludedAuthors: [],
    }),
  ])
  if (!isPublished(intent) || intent.review === undefined) throw new Error('no review')
  const rendered = presentationOf({
    channel: 'slack',
    intent,
    review: intent.review,
    rules,
    content: {
      salt: 's',
      parameters: texts.parameters ?? {},
      preconditions: texts.preconditions ?? null,
      ...(texts.rationale === undefined ? {} : { rationale: { salt: 's', text: texts.rationale } }),
      ...(texts.logs === undefined ? {} : { logs: { salt: 's', lines: [...texts.logs] } }),
    },
    nameOf: (person) => owners[Number.parseInt(person.slice(-4), 16) - 10],
    deniedBefore: 0,
    seatsOnOneWord: 0,
    logs: cardLogs,
  })
  return { ...rendered, complete: rendered.complete && fitsCard(rendered) }
}
const render = (texts: Texts) => {
  const presentation = present(texts)
  return { presentation, message: renderCard({ presentation, presentationDigest: digest, progress }, links) }
}

type TextObject = { readonly type: string; readonly text: string; readonly emoji?: boolean }
/** Every text object of a message, at whatever depth. */
const textsIn = (value: unknown): TextObject[] => {
  if (Array.isArray(value)) return value.flatMap(textsIn)
  if (typeof value !== 'object' || value === null) return []
  const isText = 'text' in value && typeof value.text === 'string' && 'type' in value
  return [...(isText ? [value as TextObject] : []), ...Object.values(value).flatMap(textsIn)]
}
const shownBy = (message: SlackMessage) => textsIn(message.blocks).map(({ text }) => text)
const buttonsOf = ({ blocks }: SlackMessage) =>
  blocks.flatMap((block) =>
    block.type === 'actions' ? block.elements.map((element) => ('action_id' in element ? element.action_id : '')) : [],
  )

/** Slack's limits (docs.slack.dev, Block Kit reference); the total is where messages were seen to be refused, with room. */
const limitsBrokenBy = ({ blocks, text }: SlackMessage): string[] => {
  const broken: string[] = []
  const check = (name: string, length: number, most: number, least = 1) => {
    if (length > most || length < least) broken.push(`${name} ${length}`)
  }
  check('blocks', blocks.length, 50)
  check('text', text.length, 40_000)
  check(
    'total',
    textsIn(blocks).reduce((sum, one) => sum + one.text.length, 0),
    12_500,
  )
  for (const block of blocks) {
    if (block.type === 'header') check('header', block.text.text.length, 150)
    if (block.type === 'context') check('context', block.elements.length, 10)
    if (block.type === 'actions') check('actions', block.elements.length, 25)
    if (block.type !== 'section') continue
    if (block.text !== undefined) check('section', block.text.text.length, 3_000)
    check('fields', block.fields?.length ?? 1, 10)
    for (const field of block.fields ?? []) check('field', field.text.length, 2_000)
  }
  return broken
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600 }),
  fc.string({ unit: 'grapheme', maxLength: 600 }),
  fc
    .tuple(fc.constantFrom('x', '\n', '\u202e', '😀', '\u0300', '⟨', '<!channel>', '*'), fc.nat(3_000))
    .map(([unit, times]) => unit.repeat(times)),
)
const anyTexts: fc.Arbitrary<Texts> = fc.record({
  target: anyText,
  agent: anyText,
  rationale: anyText,
  parameters: fc.dictionary(anyText, fc.oneof(anyText, fc.integer(), fc.array(anyText, { maxLength: 3 })), {
    maxKeys: 4,
  }),
  preconditions: fc.dictionary(anyText, anyText, { maxKeys: 3 }),
  logs: fc.array(anyText, { maxLength: 8 }),
  owners: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 128 }), { maxLength: 64 }),
  rules: fc.array(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,127}$/), { maxLength: 32 }),
  reason: anyText,
  seats: fc.array(fc.record({ group: fc.stringMatching(/^[a-z][a-z0-9-]{0,63}$/), count: fc.constant(8) }), {
    minLength: 1,
    maxLength: 8,
  }),
})

describe('a card', () => {
  it('stays within every limit of Slack, and offers approval only when it shows all there is', () => {
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const { presentation, message } = render(texts)
        expect(limitsBrokenBy(message)).toEqual([])
        expect(buttonsOf(message)).toEqual(
          presentation.complete ? ['approve', 'deny', 'details'] : ['review_in_full', 'deny'],
        )
        if (!presentation.complete) return
        const shown = shownBy(message).join('\n').replaceAll('│ ', '')
        for (const text of [presentation.target, presentation.agent.name, presentation.claims.rationale ?? '']) {
          expect(shown).toContain(text)
        }
        const parameters = shown.replaceAll('Parameters, continued\n', '').replaceAll('\n', '')
        expect(parameters).toContain((presentation.parameters ?? '').replaceAll('\n', ''))
      }),
      { numRuns: 100 },
    )
  })

  it('shows every text as plain text without emoji names, whatever is in it', () => {
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const inert = ({ type, emoji, text }: TextObject) =>
          type === 'plain_text' && emoji === false && !/[\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]|[^\P{Cc}\n]/u.test(text)
        expect(textsIn(render(texts).message.blocks).filter((text) => text.type !== 'button' && !inert(text))).toEqual(
          [],
        )
      }),
      { numRuns: 50 },
    )
  })

  it('is the same for the same intent, so that sending it again is the presentation that was recorded', () => {
    fc.assert(
      fc.property(anyTexts, (texts) => {
        expect(present(texts)).toEqual(present(texts))
      }),
      { numRuns: 20 },
    )
  })
})

describe('text that pretends to be something else', () => {
  it.each([
    ['markup', '*bold* _it_ ~s~ `code` ```fence```'],
    ['mentions', '<!channel> <!here> <@U1> <#C1> <!subteam^S1> <!date^1^x|y>'],
    ['links', '<https://evil.example|https://corp.example/ok> mailto:a@b slack://x'],
    ['emoji by name', ':white_check_mark: *APPROVED* ✅'],
    ['HTML', '<img src=x onerror=alert(1)><svg/onload=alert(1)>'],
    ['templates', '${x} {{7*7}} $(id) ${jndi:ldap://x}'],
    ['a beacon', '![x](https://evil.example/p.png)'],
  ])('%s in the agent’s words is shown as it is, in their block only', (_name, rationale) => {
    const { message } = render({ rationale })
    const holding = shownBy(message).filter((text) => text.includes(rationale))
    expect(holding).toHaveLength(1)
    expect(holding[0]).toMatch(/^The agent's words, unverified\n│ /)
    expect(message.text).not.toContain(rationale)
  })

  it.each([
    ['right-to-left override', '\u202e'],
    ['isolate', '\u2066'],
    ['Arabic letter mark', '\u061c'],
    ['zero width space', '\u200b'],
    ['word joiner', '\u2060'],
    ['byte order mark', '\ufeff'],
    ['soft hyphen', '\u00ad'],
    ['tag characters', '\u{e0041}\u{e0042}'],
    ['variation selector', '\ufe0f'],
    ['Hangul filler', '\u3164'],
    ['Braille blank', '\u2800'],
    ['escape', '\u001b[2J'],
    ['backspace', '\b'],
    ['line separator', '\u2028'],
    ['next line', '\u0085'],
  ])('%s is written out, and the card asks for the whole review instead of an approval', (_name, hidden) => {
    for (const texts of [
      { target: `db/${hidden}x` },
      { rationale: `fine${hidden}` },
      { parameters: { a: `b${hidden}` } },
    ]) {
      const { message } = render(texts)
      expect(JSON.stringify(message.blocks)).not.toContain(hidden)
      expect(shownBy(message).join('\n')).toMatch(/⟨U\+[0-9A-F]{4,6}⟩|\\u001b|\\b|\\u0085/)
      expect(buttonsOf(message)).toEqual(['review_in_full', 'deny'])
    }
  })

  it('letters that look like others are named', () => {
    const { presentation, message } = render({ target: 's3://cоrp-exports' })
    expect(presentation.cautions).toEqual([{ field: 'target', kind: 'look_alike', signs: ['U+043E looks like o'] }])
    expect(shownBy(message).join('\n')).toContain('In the target: U+043E looks like o')
    expect(buttonsOf(message)).not.toContain('approve')
  })

  it('a row that imitates ours stays behind the bar of the agent’s words', () => {
    const rationale = 'ok\nEnvironment\nstaging\nVerdicts\nApproved by CISO (slack)'
    const { message } = render({ rationale })
    const [block = ''] = shownBy(message).filter((text) => text.includes('CISO'))
    for (const row of block.split('\n').slice(1)) expect(row).toMatch(/^│ /)
  })

  it('4,000 newlines and a tail behind 1,900 harmless characters cannot hide what follows', () => {
    expect(buttonsOf(render({ rationale: `${'\n'.repeat(4_000)}x` }).message)).not.toContain('approve')
    const sql = `${'select 1; '.repeat(190)}drop table orders`
    const { message } = render({ parameters: { sql } })
    expect(shownBy(message).join('')).toContain('drop table orders')
    const longer = render({ parameters: { sql: `${'select 1; '.repeat(1_330)}drop table orders` } })
    expect(buttonsOf(longer.message)).toEqual(['review_in_full', 'deny'])
    expect(shownBy(longer.message).join('')).toContain('⟨more, not shown here⟩')
  })

  it('secrets are redacted, also in what the agent says and logs', () => {
    const secret = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'
    const { message } = render({
      rationale: `use ${secret}`,
      logs: [`login ${secret}`],
      parameters: { header: `Bearer ${secret}`, password: 'hunter2222' },
    })
    const text = JSON.stringify(message)
    expect(text).not.toContain(secret)
    expect(text).not.toContain('hunter2222')
    expect(text.match(/\[REDACTED:/g)?.length).toBeGreaterThanOrEqual(4)
  })

  it('what was erased cannot be approved', () => {
    const presentation = { ...present({}), parameters: null, complete: false }
    const message = renderCard({ presentation, presentationDigest: digest, progress }, links)
    expect(buttonsOf(message)).not.toContain('approve')
  })
})
