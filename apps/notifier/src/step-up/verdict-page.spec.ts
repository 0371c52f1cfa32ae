import { refusals } from '@countersign/contracts'
import { type Browser, type BrowsedPage, startBrowser } from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asked } from '../asking.fixture.ts'
import { type Name, type NotifierWorld, slackChannel, slackIdOf, startWorld, until } from '../notifier-world.fixture.ts'
import { longestReason } from '../record-verdict/verdict-attempt.ts'
import { lastForm, nextOf, signInOn } from '../sign-in/pages.fixture.ts'

let at: NotifierWorld
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

const demand = { atLeast: 'mfa', signedInWithinMs: 900_000 } as const

/** A click on approve that is not enough, and the address that it brings. */
const clicked = async (name: Name, asked: Asked = {}) => {
  const asking = await at.ask({ assurance: demand, parameters: { bucket: 'b', password: 'hunter22' }, ...asked })
  await at.carry(asking)
  const card = await at.card(asking)
  const before = at.slack.messages(slackChannel).length
  await at.slack.clickButton({ channel: slackChannel, ts: card.ts, actionId: 'approve', user: slackIdOf(name) })
  const told = await until(() =>
    at.slack
      .messages(slackChannel)
      .slice(before)
      .find(({ onlyFor }) => onlyFor === slackIdOf(name)),
  )
  const url = /"url":"([^"]*\/me\/verdict\/[^"]*)"/.exec(JSON.stringify(told.blocks))?.[1] ?? ''
  return { asking, card, told, url }
}
const signIn = (browser: Browser, page: BrowsedPage, name: Name) => signInOn(at, browser, page, name)
const verdictIn = async (asking: Parameters<NotifierWorld['eventsOf']>[0]) =>
  (await at.eventsOf(asking)).find(({ type }) => type === 'VerdictRecorded')?.data

describe('a click in the chat below what policy demands', () => {
  it('leads to a page that shows everything, asks for a fresh sign-in and takes the verdict', async () => {
    const { asking, card, told, url } = await clicked('cora', { logs: ['one', 'two'], rationale: 'Because.' })
    expect(JSON.stringify(card.blocks)).toContain('needs a sign-in with several factors, not older than 15 minutes')
    expect(told.text).toContain(refusals.step_up_required.title)
    expect(at.slack.view(slackIdOf('cora'))).toBeUndefined()
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([
      { code: 'step_up_required', person: at.people.cora, channel: 'slack' },
    ])
    const browser = startBrowser()
    const first = await browser.open(url)
    expect(first.text).not.toContain('partner-eu')
    const page = await signIn(browser, first, 'cora')
    for (const shown of [
      'data.export',
      's3://partner-eu/customers',
      'REDACTED',
      'Because.',
      'one\ntwo',
      'Exports leave',
    ])
      expect(page.text).toContain(shown)
    expect(page.text).not.toContain('hunter22')
    const done = await browser.submit(page, { verdict: 'approve', reason: 'ticket 4711 checked' })
    expect(done).toMatchObject({ status: 200, text: expect.stringContaining('The intent is now: approved') })
    const verdict = await verdictIn(asking)
    expect(verdict).toMatchObject({
      person: at.people.cora,
      channel: 'console',
      assurance: 'mfa',
      authTime: expect.stringMatching(/Z$/),
    })
    const [shown] = (await at.attemptsNamed(asking, 'ReviewPresented')).filter(({ channel }) => channel === 'console')
    expect(shown).toMatchObject({ reader: at.people.cora, complete: true })
    expect(verdict).toMatchObject({ presentationDigest: shown?.presentationDigest })
    await at.card(asking, (blocks) => blocks.includes('Approved by Cora (console)'))
    expect((await browser.submit(page, { verdict: 'approve' })).status).toBe(404)
  })

  it('takes no yes of somebody whose sign-in proves too little, but their no', async () => {
    const { asking, url } = await clicked('ben')
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'ben')
    expect(page.text).toContain('How you signed in does not prove that')
    expect(page.text).not.toContain('value="approve"')
    const form = { ...page, text: page.text.slice(page.text.lastIndexOf('<form')) }
    const refused = await browser.submit(form, { verdict: 'approve' })
    expect(refused).toMatchObject({ status: 401, text: expect.stringContaining(refusals.step_up_required.title) })
    expect((await browser.submit(form, { verdict: 'deny', reason: ' ' })).status).toBe(400)
    expect(await verdictIn(asking)).toBeUndefined()
    expect((await browser.submit(form, { verdict: 'deny', reason: 'not now' })).status).toBe(200)
    expect(await verdictIn(asking)).toMatchObject({ verdict: 'deny', assurance: 'sso', channel: 'console' })
  })

  it('keeps as much of a long reason as there is room for, also where that parts a sign of two halves', async () => {
    const { asking, url } = await clicked('ben')
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'ben')
    const reason = `${'x'.repeat(longestReason - 1)}\u{1f4a5}`
    expect((await browser.submit(lastForm(page), { verdict: 'deny', reason })).status).toBe(200)
    expect(await verdictIn(asking)).toMatchObject({ verdict: 'deny', person: at.people.ben })
  })

  it('is for the one who clicked: an address that was passed on shows and decides nothing', async () => {
    const { asking, url } = await clicked('ben')
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'cora')
    expect(page.status).toBe(403)
    expect(page.text).not.toContain('partner-eu')
    expect((await at.attemptsNamed(asking, 'ReviewPresented')).filter(({ channel }) => channel === 'console')).toEqual(
      [],
    )
  })

  it('shows and decides nothing any more once the review is over or its person has left the group', async () => {
    const { asking, url } = await clicked('cora')
    await at.appendAs('intake', asking, {
      type: 'IntentWithdrawn',
      data: { intentId: asking.intentId, by: at.people.dana },
    })
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'cora')
    expect(page).toMatchObject({ status: 409, text: expect.stringContaining(refusals.review_closed.title) })
    expect(nextOf(page)).toBe('')
  })

  it('stays one step for an owner: no sign-in makes their yes count', async () => {
    const { asking, told } = await clicked('dana')
    expect(told.text).toContain(refusals.owner_of_agent.title)
    expect(JSON.stringify(told.blocks)).not.toContain('/me/verdict/')
    expect(await verdictIn(asking)).toBeUndefined()
  })

  it('decides nothing by being looked at', async () => {
    const { asking, url } = await clicked('cora')
    for (let opened = 0; opened < 3; opened += 1) expect((await fetch(url)).status).toBe(200)
    const browser = startBrowser()
    await signIn(browser, await browser.open(url), 'cora')
    await browser.open(url)
    expect(await verdictIn(asking)).toBeUndefined()
  })
})
