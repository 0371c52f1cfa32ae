import { writeFile } from 'node:fs/promises'
import { refusals } from '@countersign/contracts'
import {
  type Browser,
  type BrowsedPage,
  startBrowser,
  startIdentityProvider,
} from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Name, type NotifierWorld, slackChannel, slackIdOf, startWorld, until } from '../notifier-world.fixture.ts'
import { nextOf, signInOn } from '../sign-in/pages.fixture.ts'

let at: NotifierWorld
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

/** The address that a click on a card brings to whoever clicked and has no linked account. */
const addressFor = async (name: Name | 'guest') => {
  const asking = await at.ask({ seats: [{ group: 'night-shift', count: 1 }] })
  await at.carry(asking)
  const { ts } = await at.card(asking)
  const before = at.slack.messages(slackChannel).length
  await at.slack.clickButton({ channel: slackChannel, ts, actionId: 'approve', user: slackIdOf(name) })
  const told = await until(() =>
    at.slack
      .messages(slackChannel)
      .slice(before)
      .find(({ onlyFor }) => onlyFor === slackIdOf(name)),
  )
  return { asking, told, url: urlIn(JSON.stringify(told.blocks)) }
}
const urlIn = (blocks: string) => /"url":"([^"]*\/me\/link\/[^"]*)"/.exec(blocks)?.[1] ?? ''
const signIn = (browser: Browser, page: BrowsedPage, name: Name) => signInOn(at, browser, page, name)
const accountOf = async (name: string) => {
  const { rows } = await at.spec.superuser.query<{ subject_id: string; account_id: string }>(
    'select subject_id, account_id from countersign.account where user_id = $1',
    [`U0${name.toUpperCase()}`],
  )
  return rows[0]
}
const get = (url: string) => fetch(url)

describe('an account that nobody has linked', () => {
  it('gets an address that only they see, links it to who signs in and confirms, once, and says so in the chat', async () => {
    const { asking, told, url } = await addressFor('nora')
    expect(told.text).toContain(refusals.account_not_linked.title)
    const browser = startBrowser()
    const first = await browser.open(url)
    expect(first.text).toContain('nora (U0NORA)')
    expect(first.text).not.toContain('Yes, this account is mine')
    const signedIn = await signIn(browser, first, 'nora')
    expect(signedIn.text).toContain('signed in as <strong>Nora</strong>')
    expect(await accountOf('nora')).toBeUndefined()
    const done = await browser.submit(signedIn, {})
    expect(done).toMatchObject({ status: 200, text: expect.stringContaining('linked to Nora') })
    const account = await accountOf('nora')
    expect(account?.subject_id).toBe(at.people.nora)
    const { rows } = await at.spec.superuser.query(
      `select data from countersign.event where type like '%AccountLinked%' and data ->> 'accountId' = $1`,
      [account?.account_id],
    )
    expect(rows).toMatchObject([{ data: { person: at.people.nora, changedBy: at.people.nora, seeded: false } }])
    const direct = await until(() => at.slack.messages().find(({ channel }) => channel === 'D0NORA'))
    expect(direct.text).toContain('linked to Nora')

    const again = await browser.submit(signedIn, {})
    expect(again).toMatchObject({ status: 404, text: expect.stringContaining(refusals.address_used.title) })
    const { ts } = await at.card(asking)
    await at.slack.clickButton({ channel: slackChannel, ts, actionId: 'approve', user: slackIdOf('nora') })
    await until(() => at.slack.view(slackIdOf('nora')))
  })

  it('is unlinked by its person or an operator, with a reason, and decides nothing from then on', async () => {
    const { asking } = await addressFor('erin')
    const account = (await accountOf('erin'))?.account_id ?? ''
    const unlink = async (name: Name) => {
      const response = await fetch(`${at.url}/v1/accounts/${account}/unlink`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await at.token(name)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ reason: 'a new telephone' }),
      })
      return response.status
    }
    expect(await unlink('ben')).toBe(404)
    expect((await accountOf('erin'))?.account_id).toBe(account)
    expect(await unlink('erin')).toBe(200)
    expect(await unlink('olga')).toBe(404)
    const { rows } = await at.spec.superuser.query(
      `select data from countersign.event where type like '%AccountUnlinked%' and data ->> 'accountId' = $1`,
      [account],
    )
    expect(rows).toMatchObject([
      { data: { person: at.people.erin, changedBy: at.people.erin, reason: 'a new telephone' } },
    ])
    const { ts } = await at.card(asking)
    await at.slack.clickButton({ channel: slackChannel, ts, actionId: 'approve', user: slackIdOf('erin') })
    await until(async () =>
      (await at.attemptsNamed(asking, 'VerdictRefused')).find(({ code }) => code === 'account_not_linked'),
    )
  })

  it('is never given to somebody who has one in that workspace: they were sent another’s address', async () => {
    const { url } = await addressFor('guest')
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'ben')
    expect(page.text).toContain('guest (U0GUEST)')
    const refused = await browser.submit(page, {})
    expect(refused).toMatchObject({ status: 409, text: expect.stringContaining(refusals.account_taken.title) })
    expect(await accountOf('guest')).toBeUndefined()
    expect((await accountOf('ben'))?.subject_id).toBe(at.people.ben)
  })

  it('is not changed by looking: previews and scanners may open the address as often as they like', async () => {
    const { url } = await addressFor('guest')
    for (let opened = 0; opened < 3; opened += 1) expect((await get(url)).status).toBe(200)
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(405)
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'ben')
    expect(page.text).toContain('Yes, this account is mine')
    await browser.open(url)
    expect(await accountOf('guest')).toBeUndefined()
  })

  it('has one address at a time: a newer one takes the older one’s place', async () => {
    const [older, newer] = [await addressFor('guest'), await addressFor('guest')]
    expect((await get(older.url)).status).toBe(404)
    expect((await get(newer.url)).status).toBe(200)
    await at.spec.superuser.query(
      `update notifier.page_ticket set expires_at = clock_timestamp() - interval '1 second'`,
    )
    expect((await get(newer.url)).status).toBe(404)
  })
})

describe('an account that an operator linked', () => {
  afterAll(() => at.spec.superuser.query(`delete from countersign.account where user_id = 'U0GUEST'`))
  const link = async (userId: string, person: string) => {
    const response = await fetch(`${at.url}/v1/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await at.token('olga')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ provider: 'slack', teamId: 'T0LOOP', userId, person }),
    })
    return response.status
  }

  it('decides nothing in the name of a person who has not confirmed it: else an operator could approve as anybody', async () => {
    expect(await link('U0GUEST', at.people.erin)).toBe(200)
    const { asking, told, url } = await addressFor('guest')
    expect(told.text).toContain(refusals.account_not_linked.title)
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([
      { code: 'account_not_linked', person: null },
    ])
    const operator = startBrowser()
    const page = await signIn(operator, await operator.open(url), 'olga')
    expect(await operator.submit(page, {})).toMatchObject({ status: 409 })
    expect(await link('U0GUEST', at.people.erin)).toBe(200)
    const { ts } = await at.card(asking)
    await at.slack.clickButton({ channel: slackChannel, ts, actionId: 'approve', user: slackIdOf('guest') })
    await until(async () => (await at.attemptsNamed(asking, 'VerdictRefused')).length === 2)
  })

  it('is theirs once they have, and each step is an event with who', async () => {
    const { asking, url } = await addressFor('guest')
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'erin')
    expect((await browser.submit(page, {})).text).toContain('linked to Erin')
    const { rows } = await at.spec.superuser.query(
      `select data from countersign.event where type like '%AccountLinked%' and data ->> 'accountId' = $1 order by position`,
      [(await accountOf('guest'))?.account_id],
    )
    const { olga, erin } = at.people
    expect(rows.map(({ data }: { data: object }) => data)).toMatchObject([
      { person: erin, changedBy: olga, confirmed: false },
      { person: erin, changedBy: erin, confirmed: true },
    ])
    const { ts } = await at.card(asking)
    await at.slack.clickButton({ channel: slackChannel, ts, actionId: 'approve', user: slackIdOf('guest') })
    await until(async () => (await at.attemptsNamed(asking, 'VerdictRefused')).find(({ person }) => person === erin))
  })
})

const refusedForms = async (name: Name): Promise<number> => {
  const { rows } = await at.spec.superuser.query<{ total: string | null }>(
    `select sum(total) as total from countersign.refusal_count where source = $1 and code = 'not_allowed'`,
    [`person/${at.people[name]}`],
  )
  return Number(rows[0]?.total ?? 0)
}

describe('the pages', () => {
  it('load nothing from elsewhere, run no script, are framed by nobody and keep their addresses to themselves', async () => {
    const { url } = await addressFor('guest')
    const { headers } = await get(url)
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    )
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('take forms of their own only: of no other site, and with the token of the session', async () => {
    const { url } = await addressFor('guest')
    const send = (headers: Record<string, string>, body: Record<string, string> = {}) =>
      fetch(url, { method: 'POST', headers, body: new URLSearchParams(body) })
    expect((await send({})).status).toBe(403)
    expect((await send({ origin: 'https://evil.example' })).status).toBe(403)
    expect((await send({ origin: at.publicUrl, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'erin')
    const before = await refusedForms('erin')
    expect((await browser.submit({ ...page, formOrigin: 'null' }, {})).status).toBe(403)
    expect((await browser.submit(page, { token: 'another' })).status).toBe(403)
    expect(await accountOf('guest')).toBeUndefined()
    // Those that came with no session are nobody's.
    expect(await refusedForms('erin')).toBe(before + 2)
  })

  it('keep the session where only this host’s pages have it, and only its hash in the store', async () => {
    const { url } = await addressFor('guest')
    const browser = startBrowser()
    const onward = await browser.submit(await browser.open(url), {})
    const asked = await browser.open(nextOf(onward))
    const code = await browser.submit(
      asked,
      { login: 'erin', password: 'password of erin' },
      `${at.publicUrl}/me/sign-in/callback`,
    )
    const elsewhere = await fetch(code.url)
    expect(elsewhere.status).toBe(401)
    expect(elsewhere.headers.getSetCookie()).toEqual([])
    const { rows } = await at.spec.superuser.query<{ count: string }>('select count(*) from notifier.page_session')
    const back = await browser.open(code.url)
    expect(back.text).toContain('Signed in')
    const after = await at.spec.superuser.query<{ count: string }>('select count(*) from notifier.page_session')
    expect(Number(after.rows[0]?.count)).toBe(Number(rows[0]?.count) + 1)
    expect((await browser.open(code.url)).status).toBe(401)
  })

  it('lead back to pages of ours only', async () => {
    for (const page of ['https://evil.example', '//evil.example', '/v1/reviews', '/me/link/short', '']) {
      const answer = await fetch(`${at.publicUrl}/me/sign-in`, {
        method: 'POST',
        headers: { origin: at.publicUrl },
        body: new URLSearchParams({ page }),
      })
      expect(answer.status).toBe(400)
      expect(answer.headers.getSetCookie()).toEqual([])
    }
  })

  it('have no session for somebody whom the directory does not know', async () => {
    const { url } = await addressFor('guest')
    await at.spec.superuser.query('update countersign.person set active = false where subject_id = $1', [
      at.people.audra,
    ])
    const browser = startBrowser()
    const page = await signIn(browser, await browser.open(url), 'audra')
    expect(page).toMatchObject({ status: 403, text: expect.stringContaining(refusals.person_inactive.title) })
    expect((await browser.open(url)).text).not.toContain('Yes, this account is mine')
  })
})

describe('people of several issuers', () => {
  it('say which one is theirs, and what one issuer sends back signs nobody in at another', async () => {
    const second = await startIdentityProvider({
      port: 0,
      audience: 'https://countersign.example',
      people: [{ sub: 'gina', name: 'Gina', email: 'gina@b.example', password: 'password of gina' }],
      clients: [{ kind: 'web', clientId: 'b-pages', redirectUris: [`${at.publicUrl}/me/sign-in/callback`] }],
    })
    const entry = { issuer: second.issuer, audience: 'x', speaksFor: 'people', pages: { clientId: 'b-pages' } }
    await writeFile(at.issuersFile, JSON.stringify({ issuers: [entry] }))
    const registered = await fetch(`${at.url}/v1/directory/people`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await at.token('olga')}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        issuer: second.issuer,
        subject: 'gina',
        displayName: 'Gina',
        reason: 'of the other firm',
      }),
    })
    expect(registered.status).toBe(200)
    try {
      const browser = startBrowser()
      const asked = await browser.open(`${at.publicUrl}/me/keys`)
      const choice = await browser.submit(asked, {})
      expect(choice.text).toContain('Where do you sign in?')
      for (const issuer of [at.idp.issuer, second.issuer])
        expect(choice.text).toContain(`Sign in at ${new URL(issuer).host}`)

      const chosen = (issuer: string) => browser.submit(choice, { issuer }).then((onward) => nextOf(onward))
      const login = await browser.open(await chosen(second.issuer))
      expect(new URL(login.url).origin).toBe(second.issuer)
      const callback = `${at.publicUrl}/me/sign-in/callback`
      const code = await browser.submit(login, { login: 'gina', password: 'password of gina' }, callback)
      // The browser has begun anew at the other issuer meanwhile: the code of the second one is none of its.
      await chosen(at.idp.issuer)
      expect(await browser.open(code.url)).toMatchObject({ status: 401 })

      const again = await browser.open(await chosen(second.issuer))
      const back = again.url.startsWith(callback)
        ? again
        : await browser.submit(again, { login: 'gina', password: 'password of gina' })
      expect((await browser.open(new URL(nextOf(back), at.publicUrl).href)).text).toContain('You have none yet')
      expect(nextOf(await browser.submit(choice, { issuer: 'https://elsewhere.example' }))).toBe('')

      await writeFile(at.issuersFile, '{ broken')
      expect((await browser.submit(asked, {})).text).toContain('Where do you sign in?')
      await writeFile(at.issuersFile, '{"issuers": []}')
      expect(nextOf(await browser.submit(asked, {}))).toContain(at.idp.issuer)
    } finally {
      await second.stop()
    }
  })
})
