import type { IntentView } from '@countersign/contracts'
import type { Story } from '../read-evidence/story.command.ts'
import { rationale } from './ask-for-actions.ts'
import { expectSame, notAsExpected, until, type DemoWorld } from './demo-world.ts'
import { type SlackMessage, unverifiedWords } from './slack-page.ts'

export const reason = 'ticket 4711 checked'

/** The card with the agent's words, which it calls unverified. */
export const seeCard = async (world: DemoWorld, { intentId }: IntentView): Promise<SlackMessage> => {
  const { slack, signal } = world
  const { message, channel } = await until('the card appears in Slack', () => slack.card(intentId), { signal })
  expectSame('the card is in the channel', world.credentials.slackChannel, channel)
  const words = unverifiedWords(message)
  expectSame("the agent's words are called unverified", rationale, words)
  world.say({ what: `${channel} · the agent's words, unverified: "${rationale}" · open ${slack.origin}` })
  return message
}

/** The agent's owner wants to approve; that is refused, told to her alone, and recorded. */
export const ownerClicks = async (world: DemoWorld, { intentId }: IntentView, card: SlackMessage): Promise<void> => {
  const { dana, ben, slack, signal } = world
  const step = 'Dana clicks Approve'
  const began = performance.now()
  const user = world.fault === 'owner-does-not-click' ? ben.slackUser : dana.slackUser
  if (!(await slack.click(card, 'approve', user))) throw notAsExpected(step, 'a click', 'nothing to click')
  const told = await until(
    step,
    async () => (await slack.messages()).find(({ onlyFor, ts }) => onlyFor === dana.slackUser && ts > card.ts),
    {
      signal,
      withinMs: world.fault === 'owner-does-not-click' ? 1_000 : 5_000,
      expected: 'a refusal that only she sees',
    },
  )
  const ms = performance.now() - began
  const story = await ben.call<Story>(`/v1/intents/${intentId}/story`, { signal })
  const refused = story.steps.find(({ event }) => event === 'VerdictRefused')
  expectSame(`${step}: recorded`, 'owner_of_agent', refused?.code)
  const intent = await world.client.read(intentId, 0, signal)
  expectSame(`${step}: the review is still open`, 'in_review', intent.state)
  world.say({
    what: step,
    outcome: 'REFUSED',
    ms,
    reason: `${refused?.code ?? ''} (recorded): ${firstSentence(told.text)}`,
  })
}

/** A second person approves with a reason. */
export const secondPersonApproves = async (
  world: DemoWorld,
  { intentId }: IntentView,
  card: SlackMessage,
): Promise<void> => {
  const { ben, slack, signal } = world
  const step = `Ben clicks Approve: "${reason}"`
  let began = performance.now()
  const withinMs = world.fault === 'no-second-person' ? 1_000 : 5_000
  if (world.fault !== 'no-second-person') {
    // A form that was left open belongs to another card.
    await slack.close(ben.slackUser)
    if (!(await slack.click(card, 'approve', ben.slackUser))) throw notAsExpected(step, 'a click', 'nothing to click')
    // Slack opens the form a moment after the click.
    const submit = async (): Promise<true | undefined> => {
      began = performance.now()
      return (await slack.submit(ben.slackUser, { reason })) || undefined
    }
    await until(step, submit, { signal, expected: 'a form for the reason' })
  }
  const approved = async (): Promise<IntentView | undefined> => {
    const intent = await world.client.read(intentId, 0, signal)
    return intent.state === 'in_review' ? undefined : intent
  }
  const intent = await until(step, approved, { signal, withinMs, expected: 'an approval' })
  expectSame(step, 'approved', intent.state)
  world.say({ what: step, outcome: 'APPROVED', ms: performance.now() - began, reason: intent.rules.join(', ') })
}

const firstSentence = (text: string): string => text.split('. ', 1)[0] ?? ''
