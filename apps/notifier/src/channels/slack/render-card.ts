import type { ActionsBlock, Button, ContextBlock, HeaderBlock, SectionBlock } from '@slack/types'
import type { Presentation } from '../../present-review/presentation.ts'
import { cautionLines, demandText, impactText } from '../../present-review/presentation-text.ts'
import type { Card, ReviewProgress } from '../channel.ts'
import { type Fitted, fitted, plainText } from './plain-text.ts'

export type SlackMessage = {
  /** For notifications; nothing that an agent wrote is in it. */
  readonly text: string
  readonly blocks: readonly CardBlock[]
}
type CardBlock = HeaderBlock | SectionBlock | ActionsBlock | ContextBlock

export type CardLinks = {
  /** Values of the buttons. */
  readonly approve: string
  readonly deny: string
  /** Where the whole review is read. */
  readonly details: string
}

// Code units of each part. Together with titles and buttons they stay below 12,000, where Slack begins to refuse messages.
const room = {
  header: 140,
  field: 300,
  target: 700,
  people: 400,
  cautions: 800,
  rationale: 2_000,
  rationaleLines: 40,
  parametersPart: 2_000,
  parametersParts: 2,
  parametersLines: 120,
  preconditions: 500,
  logs: 1_100,
  rules: 1_200,
  progress: 900,
} as const

/** Log lines that a card has room for. */
export const cardLogs = { lines: 5, lineLength: 200 } as const

const section = (title: string, { text }: Fitted): SectionBlock => ({
  type: 'section',
  text: plainText(`${title}\n${text}`),
})
const field = (title: string, { text }: Fitted) => plainText(`${title}\n${text === '' ? '-' : text}`)

/** A bar before each line, so that no line of theirs can pass for one of ours. */
const quoted = (text: string): string =>
  text
    .split('\n')
    .map((line) => `│ ${line}`)
    .join('\n')

const peopleOf = (people: readonly { name: string }[]): string =>
  people.length === 0 ? 'nobody' : people.map(({ name }) => name).join(', ')

const seatsOf = ({ seats }: Presentation): string => seats.map(({ group, count }) => `${count} of ${group}`).join(', ')

/** Text of the parameters in parts that fit one section each; parts break at lines. */
const partsOf = (text: string): { readonly parts: readonly string[]; readonly isWhole: boolean } => {
  const most = room.parametersPart * room.parametersParts
  const whole = fitted(text, most, room.parametersLines)
  const parts: string[] = []
  let rest = whole.text
  while (rest.length > room.parametersPart && parts.length < room.parametersParts - 1) {
    const at = rest.lastIndexOf('\n', room.parametersPart)
    if (at <= 0) break
    parts.push(rest.slice(0, at))
    rest = rest.slice(at + 1)
  }
  const last = fitted(rest, room.parametersPart)
  return { parts: [...parts, last.text], isWhole: whole.isWhole && last.isWhole }
}

/** Every part of a presentation as the card shows it. */
const partsOfCard = (presentation: Presentation) => {
  const { agent, policy, claims, owners, onBehalfOf } = presentation
  const parameters = partsOf(presentation.parameters ?? 'erased')
  const model = agent.model === null ? '' : `, model ${agent.model}`
  const session = agent.session === null ? '' : `, session ${agent.session}`
  const texts = {
    agent: fitted(`${agent.name} (${agent.kind}${model})`, room.field),
    onBehalfOf: fitted(onBehalfOf === null ? 'nobody' : onBehalfOf.name, room.field),
    owners: fitted(peopleOf(owners), room.people),
    action: fitted(presentation.action, room.field),
    target: fitted(presentation.target, room.target),
    environment: fitted(presentation.environment, room.field),
    executor: fitted(`${presentation.executor}, producer ${presentation.producer}${session}`, room.target),
    impact: fitted(impactText(presentation), room.field),
    cautions: fitted(cautionLines(presentation).join('\n'), room.cautions),
    rationale: fitted(quoted(claims.rationale ?? 'nothing said'), room.rationale, room.rationaleLines),
    preconditions: fitted(presentation.preconditions ?? 'none', room.preconditions),
    rules: fitted(
      policy.reasons.length === 0
        ? policy.rules.join(', ')
        : policy.reasons.map(({ rule, text }) => (text === undefined ? rule : `${rule}: ${text}`)).join('\n'),
      room.rules,
    ),
  }
  const isWhole = parameters.isWhole && Object.values(texts).every((part) => part.isWhole)
  return { texts, parameters, isWhole }
}

/** In these a sign that is not what it seems is reason enough to read the review where nothing is narrow. */
const isSuspicious = ({ cautions }: Presentation): boolean => cautions.length > 0

/** Whether a card shows the whole presentation, and nothing in it asks for a closer look than a card gives. */
export const fitsCard = (presentation: Presentation): boolean =>
  partsOfCard(presentation).isWhole && !isSuspicious(presentation)

const titles: Record<string, string> = {
  in_review: 'Approve',
  approved: 'Approved:',
  granted: 'Approved, collected:',
  redeemed: 'Approved, running:',
  succeeded: 'Done:',
  failed: 'Failed:',
  unknown: 'Approved, outcome unknown:',
  reconciled: 'Reconciled:',
  denied: 'Denied:',
  withdrawn: 'Withdrawn:',
  expired: 'Expired:',
  revoked: 'Revoked:',
  grant_expired: 'Approved, never collected:',
}

const headline = (presentation: Presentation, { state }: ReviewProgress): string => {
  const question = state === 'in_review' ? '?' : ''
  return `${titles[state] ?? state} ${presentation.action}${question} · ${presentation.environment}`
}

const verdictLines = ({ verdicts }: ReviewProgress): string =>
  verdicts
    .map(({ name, verdict, channel }) => `${verdict === 'approve' ? 'Approved' : 'Denied'} by ${name} (${channel})`)
    .join('\n')

const button = (actionId: string, text: string, more: Partial<Button>): Button => ({
  type: 'button',
  action_id: actionId,
  text: plainText(text),
  ...more,
})

const actionsOf = (presentation: Presentation, links: CardLinks): ActionsBlock => ({
  type: 'actions',
  block_id: 'verdict',
  elements: [
    // No default: neither button is coloured, and a no is as near as a yes.
    presentation.complete
      ? button('approve', 'Approve…', { value: links.approve })
      : button('review_in_full', 'Review in full', { url: links.details }),
    button('deny', 'Deny…', { value: links.deny }),
    ...(presentation.complete ? [button('details', 'Details', { url: links.details })] : []),
  ],
})

/**
 * A card as a Slack message within all of Slack's limits, whatever it is given. Everything that is not ours is plain text;
 * the agent's words are in blocks of their own that say so. A card that is over has no buttons.
 */
export const renderCard = ({ presentation, progress }: Card, links: CardLinks): SlackMessage => {
  const { texts, parameters } = partsOfCard(presentation)
  const { claims } = presentation
  const logTitle = `The agent's log, unverified: last ${claims.logs.lines.length} of ${claims.logs.lines.length + claims.logs.omitted} lines`
  const verdicts = verdictLines(progress)
  const blocks: CardBlock[] = [
    { type: 'header', text: plainText(fitted(headline(presentation, progress), room.header).text) },
    {
      type: 'section',
      fields: [
        field('Agent', texts.agent),
        field('On behalf of', texts.onBehalfOf),
        field('Action', texts.action),
        field('Target', texts.target),
        field('Environment', texts.environment),
        field('Decide before', { text: presentation.deadline, isWhole: true }),
        field('Owners', texts.owners),
        field('Executor', texts.executor),
        field('Claimed impact, unverified', texts.impact),
      ],
    },
    ...(cautionLines(presentation).length === 0 ? [] : [section('Look closely', texts.cautions)]),
    section("The agent's words, unverified", texts.rationale),
    ...parameters.parts.map((text, index) =>
      section(index === 0 ? 'Parameters, secrets redacted' : 'Parameters, continued', { text, isWhole: true }),
    ),
    ...(presentation.preconditions === null ? [] : [section('Preconditions', texts.preconditions)]),
    ...(claims.logs.lines.length === 0
      ? []
      : [section(logTitle, fitted(quoted(claims.logs.lines.join('\n')), room.logs))]),
    section('Asked for by policy', texts.rules),
    ...(presentation.assurance === undefined
      ? []
      : [section('To approve', { text: `needs ${demandText(presentation.assurance)}`, isWhole: true })]),
    ...(verdicts === '' ? [] : [section('Verdicts', fitted(verdicts, room.progress))]),
    ...(progress.isOpen ? [actionsOf(presentation, links)] : []),
    {
      type: 'context',
      elements: [
        plainText(
          fitted(
            `${progress.approvals} of ${progress.seatsWanted} approvals · ${seatsOf(presentation)} · intent ${presentation.intentId} · nobody approves what they asked for or own`,
            room.progress,
          ).text,
        ),
      ],
    },
  ]
  return { text: headline(presentation, progress), blocks }
}
