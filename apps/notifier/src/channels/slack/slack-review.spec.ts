import { refusals } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asking } from '../../asking.fixture.ts'
import {
  type Name,
  type NotifierWorld,
  slackChannel,
  slackIdOf,
  startWorld,
  until,
} from '../../notifier-world.fixture.ts'

let at: NotifierWorld
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

const cardOf = async (asking: Asking) => {
  await at.carry(asking)
  return at.card(asking)
}
const click = async (asking: Asking, actionId: 'approve' | 'deny', name: Name | 'guest') => {
  const { ts } = await at.card(asking)
  return at.slack.clickButton({ channel: slackChannel, ts, actionId, user: slackIdOf(name) })
}
const modalOf = (name: Name) => until(() => at.slack.view(slackIdOf(name)))
const told = (name: Name | 'guest', after: number) =>
  until(() =>
    at.slack
      .messages(slackChannel)
      .slice(after)
      .find(({ onlyFor }) => onlyFor === slackIdOf(name)),
  )
const buttonsOf = (message: { blocks: readonly { type: string; elements?: { action_id?: string }[] }[] }) =>
  message.blocks.flatMap(({ type, elements = [] }) =>
    type === 'actions' ? elements.map(({ action_id }) => action_id) : [],
  )

describe('a review in Slack', () => {
  it('goes from the card to a refused owner, to another person’s yes with a reason, and to the card without buttons', async () => {
    const asking = await at.ask({
      rationale: 'The partner waits for it.',
      parameters: { bucket: 'b', password: 'hunter22' },
    })
    const card = await cardOf(asking)
    expect(buttonsOf(card)).toEqual(['approve', 'deny', 'details'])
    await at.carry(asking)
    const text = JSON.stringify(card.blocks)
    for (const shown of [
      'data.export',
      's3://partner-eu/customers',
      'The partner waits for it.',
      'REDACTED',
      'Exports leave',
    ])
      expect(text).toContain(shown)
    expect(text).not.toContain('hunter22')
    expect(card.text).toBe('Approve data.export? · production')

    const before = at.slack.messages(slackChannel).length
    expect((await click(asking, 'approve', 'dana')).status).toBe(200)
    expect((await told('dana', before)).text).toContain(refusals.owner_of_agent.title)
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([
      { code: 'owner_of_agent', person: at.people.dana, channel: 'slack', verdict: 'approve' },
    ])
    expect(at.slack.view(slackIdOf('dana'))).toBeUndefined()

    await click(asking, 'approve', 'ben')
    await modalOf('ben')
    const reason = 'ticket 4711 checked'
    await at.slack.submitView({ user: slackIdOf('ben'), values: { reason } })
    expect(at.slack.view(slackIdOf('ben'))).toBeUndefined()
    const [, , , verdict, approved] = await at.eventsOf(asking)
    expect(verdict?.data).toMatchObject({
      person: at.people.ben,
      verdict: 'approve',
      assurance: 'chat',
      channel: 'slack',
    })
    expect(approved?.data).toMatchObject({ seats: [{ group: 'data-owners', person: at.people.ben }] })
    expect(JSON.stringify(await at.eventsOf(asking))).not.toContain(reason)

    const closed = await at.card(asking, (blocks) => blocks.includes('Approved by Ben'))
    expect(buttonsOf(closed)).toEqual([])
    const presented = await at.attemptsNamed(asking, 'ReviewPresented')
    expect(presented).toMatchObject([{ channel: 'slack', complete: true, reader: null }])
    const cards = at.slack
      .messages(slackChannel)
      .filter(({ blocks }) => JSON.stringify(blocks).includes(asking.intentId))
    expect(cards).toHaveLength(1)
    expect(verdict?.data).toMatchObject({ presentationDigest: presented[0]?.presentationDigest })
    const types = (await at.attemptsOf(asking)).map(({ type }) => type)
    expect(types.slice(0, 2)).toEqual(['ReviewPresented', 'ReviewDelivered'])
  })

  it('takes a no only with a reason, and shows who said it', async () => {
    const asking = await at.ask()
    await cardOf(asking)
    await click(asking, 'deny', 'cora')
    await modalOf('cora')
    await at.slack.submitView({ user: slackIdOf('cora'), values: { reason: ' . ' } })
    expect((await modalOf('cora')).errors).toEqual({ reason: expect.stringContaining('reason is required') })
    await at.slack.submitView({ user: slackIdOf('cora'), values: { reason: 'wrong partner' } })
    expect((await at.eventsOf(asking)).at(-1)).toMatchObject({ type: 'ReviewDenied', data: { by: at.people.cora } })
    await at.card(asking, (blocks) => blocks.includes('Denied by Cora') && blocks.includes('Denied: data.export'))
  })

  it.each([
    ['guest', 'account_not_linked', null],
    ['erin', 'not_eligible', 'erin'],
  ] as const)('refuses %s with %s, tells only them, and records it', async (name, code, person) => {
    const asking = await at.ask()
    await cardOf(asking)
    const before = at.slack.messages(slackChannel).length
    await click(asking, 'approve', name)
    expect((await told(name, before)).text).toContain(refusals[code].title)
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([
      { code, person: person === null ? null : at.people[person] },
    ])
    expect((await at.eventsOf(asking)).map(({ type }) => type)).toHaveLength(3)
  })

  it('says in the modal that the review was over before the verdict came', async () => {
    const asking = await at.ask()
    await cardOf(asking)
    await click(asking, 'approve', 'cora')
    await modalOf('cora')
    await at.appendAs('intake', asking, {
      type: 'IntentWithdrawn',
      data: { intentId: asking.intentId, by: at.people.dana },
    })
    await at.slack.submitView({ user: slackIdOf('cora'), values: {} })
    expect(JSON.stringify(await modalOf('cora'))).toContain(refusals.review_closed.title)
    expect(await at.attemptsNamed(asking, 'VerdictTooLate')).toMatchObject([{ code: 'review_closed' }])
    await at.carry(asking)
    expect(buttonsOf(await at.card(asking, (blocks) => blocks.includes('Withdrawn')))).toEqual([])
  })

  it('shows half of two seats, counts nobody twice, and ends when the second person agrees', async () => {
    const asking = await at.ask({
      seats: [
        { group: 'data-owners', count: 1 },
        { group: 'security', count: 1 },
      ],
    })
    await cardOf(asking)
    await click(asking, 'approve', 'ben')
    await modalOf('ben')
    await at.slack.submitView({ user: slackIdOf('ben'), values: {} })
    const half = await at.card(asking, (blocks) => blocks.includes('1 of 2 approvals'))
    expect(buttonsOf(half)).toContain('approve')
    const before = at.slack.messages(slackChannel).length
    await click(asking, 'approve', 'ben')
    expect((await told('ben', before)).text).toContain(refusals.already_voted.title)
    await click(asking, 'approve', 'erin')
    await modalOf('erin')
    await at.slack.submitView({ user: slackIdOf('erin'), values: {} })
    expect((await at.eventsOf(asking)).at(-1)?.type).toBe('ReviewApproved')
  })

  it('does not send a card for a tenant without a channel, whose people decide over the API', async () => {
    const tenantId = await at.spec.addTenant('replay')
    const quiet = await at.ask({ tenantId, owners: [] })
    const shown = await at.ask()
    await at.carry(quiet)
    await cardOf(shown)
    expect(at.slack.messages(slackChannel).some(({ blocks }) => JSON.stringify(blocks).includes(quiet.intentId))).toBe(
      false,
    )
    expect(await at.attemptsOf(quiet)).toEqual([])
  })
})

describe('delivery', () => {
  it('waits as long as Slack asks, records the failure, and sends the card after a restart', async () => {
    at.slack.refuseNext('chat.postMessage', { retryAfterSeconds: 2 })
    const asking = await at.ask()
    await at.carry(asking)
    const [failed] = await until(async () => {
      const found = await at.attemptsNamed(asking, 'ReviewDeliveryFailed')
      return found.length > 0 ? found : undefined
    })
    expect(failed).toMatchObject({ code: 'slack_rate_limited', attempt: 1, channel: 'slack' })
    await at.restart()
    await at.card(asking)
    const types = await until(async () => {
      const found = (await at.attemptsOf(asking)).map(({ type }) => type)
      return found.includes('ReviewDelivered') ? found : undefined
    })
    expect(types).toEqual(['ReviewPresented', 'ReviewDeliveryFailed', 'ReviewDelivered'])
  })

  it('shows nobody a review that ended before its card was sent', async () => {
    at.slack.refuseNext('chat.postMessage', { error: 'channel_is_archived' })
    const asking = await at.ask()
    await at.carry(asking)
    await until(async () => ((await at.attemptsNamed(asking, 'ReviewDeliveryFailed')).length > 0 ? true : undefined))
    await at.appendAs('intake', asking, {
      type: 'IntentWithdrawn',
      data: { intentId: asking.intentId, by: at.people.dana },
    })
    await at.carry(asking)
    await until(async () => {
      const { rows } = await at.spec.superuser.query(
        'select from notifier.card where intent_id = $1 and due_at is null',
        [asking.intentId],
      )
      return rows.length > 0 ? true : undefined
    })
    expect(at.slack.messages(slackChannel).some(({ blocks }) => JSON.stringify(blocks).includes(asking.intentId))).toBe(
      false,
    )
  })
})
