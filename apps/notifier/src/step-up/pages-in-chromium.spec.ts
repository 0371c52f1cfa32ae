import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NotifierWorld, slackChannel, slackIdOf, startWorld, until } from '../notifier-world.fixture.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find(existsSync)

// No browser comes from npm: without one on the machine these rules are held by the screenless browser's specs alone.
describe.skipIf(executablePath === undefined)('the pages, in the Chromium of this machine', () => {
  let at: NotifierWorld
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  beforeAll(async () => {
    at = await startWorld()
    browser = await chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      // A container has no user namespaces for the sandbox; every page opened here is ours.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    })
    page = await browser.newPage()
    page.on('console', (message) => complaints.push(message.text()))
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('WebAuthn.enable')
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
  })
  afterAll(async () => {
    await browser.close()
    await at.stop()
  })

  const signIn = async (name: string) => {
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByLabel('Password').waitFor()
    await page.locator('input[name=login]').fill(name)
    await page.getByLabel('Password').fill(`password of ${name}`)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }

  it('let a person add a key and approve with it what a chat could not, by keyboard alone', async () => {
    await page.goto(`${at.publicUrl}/me/keys`)
    await signIn('cora')
    await page.getByRole('button', { name: 'Add a key' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Key added' }).waitFor()

    const asking = await at.ask({ assurance: { atLeast: 'webauthn' }, rationale: '<script>alert(1)</script>' })
    await at.carry(asking)
    const { ts } = await at.card(asking)
    await at.slack.clickButton({ channel: slackChannel, ts, actionId: 'approve', user: slackIdOf('cora') })
    const url = await until(() =>
      at.slack
        .messages(slackChannel)
        .map(({ blocks }) => /"url":"([^"]*\/me\/verdict\/[^"]*)"/.exec(JSON.stringify(blocks))?.[1])
        .find((found) => found !== undefined),
    )
    await page.goto(url)
    await page.getByText('<script>alert(1)</script>').waitFor()
    await page.getByLabel('Reason; a no needs one').fill('looks right')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Approved' }).waitFor()
    const verdict = (await at.eventsOf(asking)).find(({ type }) => type === 'VerdictRecorded')
    expect(verdict?.data).toMatchObject({ assurance: 'webauthn', person: at.people.cora })
    expect(complaints).toEqual([])
  })
})
