import { refusals } from '@countersign/contracts'
import { type BrowsedPage, startBrowser } from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asking } from '../asking.fixture.ts'
import { RegisterPerson } from '../index.ts'
import { type Name, type NotifierWorld, slackChannel, slackIdOf, startWorld, until } from '../notifier-world.fixture.ts'
import { softwareKey } from '../register-key/software-key.fixture.ts'
import { keyOptionsIn, lastForm, nextOf, signInOn } from './pages.fixture.ts'

let at: NotifierWorld
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

const keysUrl = () => `${at.publicUrl}/me/keys`
const callbackUrl = () => `${at.publicUrl}/me/sign-in/callback`

type Exchange = BrowsedPage & { readonly cookies: readonly string[] }

/** A request with exactly these cookies, and what the answer sets. */
const ask = async (url: string, { cookie = '', form }: { cookie?: string; form?: object } = {}): Promise<Exchange> => {
  const response = await fetch(url, {
    headers: { cookie, ...(form === undefined ? {} : { origin: at.publicUrl }) },
    ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams({ ...form }) }),
  })
  const { status, headers } = response
  return { url, status, text: await response.text(), formOrigin: at.publicUrl, cookies: headers.getSetCookie() }
}
const pairOf = ([cookie = '']: readonly string[]): string => cookie.split(';', 1)[0] ?? ''

/** A sign-in that is begun on a page: the cookie that the browser keeps, and where the issuer sends it back. */
const begun = async (name: Name, page = '/me/keys') => {
  const onward = await ask(`${at.publicUrl}/me/sign-in`, { form: { page } })
  const issuer = startBrowser()
  const login = await issuer.open(nextOf(onward))
  const { url } = await issuer.submit(login, { login: name, password: `password of ${name}` }, callbackUrl())
  return { attempt: onward.cookies, back: url }
}
const signedIn = async (name: Name): Promise<{ readonly session: string; readonly cookies: readonly string[] }> => {
  const { attempt, back } = await begun(name)
  const { cookies } = await ask(back, { cookie: pairOf(attempt) })
  return { session: pairOf(cookies.filter((cookie) => cookie.startsWith('__Host-countersign-session'))), cookies }
}
const isSignedIn = async (cookie: string): Promise<boolean> =>
  (await ask(keysUrl(), { cookie })).text.includes('href="/me/sign-out"')

/** Where a click in the chat leads who has to link an account, or to prove more. */
const addressOf = async (name: Name | 'guest', kind: 'link' | 'verdict') => {
  const asking = await at.ask(
    kind === 'link'
      ? { seats: [{ group: 'night-shift', count: 1 }] }
      : { assurance: { atLeast: 'mfa', signedInWithinMs: 900_000 } },
  )
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
  return { asking, url: /"url":"([^"]*\/me\/[^"]*)"/.exec(JSON.stringify(told.blocks))?.[1] ?? '' }
}
const opened = async (url: string, name: Name) => {
  const browser = startBrowser()
  return { browser, page: await signInOn(at, browser, await browser.open(url), name) }
}
const verdictsOn = async (asking: Asking) =>
  (await at.eventsOf(asking)).filter(({ type }) => type === 'VerdictRecorded').length
const guestIsLinked = async () => {
  const { rows } = await at.spec.superuser.query(`select from countersign.account where user_id = 'U0GUEST'`)
  return rows.length > 0
}
/** The token of the forms that a session of pages is shown. */
const tokenIn = ({ text }: BrowsedPage): string => / name="token" value="([^"]*)"/.exec(text)?.[1] ?? ''

describe('the cookies of a page', () => {
  it('are for this host alone, over TLS alone, out of reach of scripts and, once somebody is signed in, of other sites', async () => {
    const { attempt } = await begun('ben')
    const host = 'Path=/; Secure; HttpOnly; SameSite'
    expect(attempt).toEqual([expect.stringMatching(`^__Host-countersign-sign-in=[^;]{60,}; ${host}=Lax; Max-Age=600$`)])
    const { session, cookies } = await signedIn('ben')
    expect(cookies).toEqual([
      `__Host-countersign-sign-in=; ${host}=Lax; Max-Age=0`,
      expect.stringMatching(`^__Host-countersign-session=[A-Za-z0-9_-]{43}; ${host}=Strict; Max-Age=600$`),
    ])
    const page = await ask(`${at.publicUrl}/me/sign-out`, { cookie: session })
    const over = await ask(`${at.publicUrl}/me/sign-out`, { cookie: session, form: { token: tokenIn(page) } })
    expect(over.cookies).toEqual([`__Host-countersign-session=; ${host}=Strict; Max-Age=0`])
    expect(await isSignedIn(session)).toBe(false)
  })

  it('name a session that each sign-in makes anew: one that was there before is nobody’s, and of two neither counts', async () => {
    const planted = `__Host-countersign-session=${'x'.repeat(43)}`
    const { attempt, back } = await begun('ben')
    const { cookies } = await ask(back, { cookie: `${planted}; ${pairOf(attempt)}` })
    const session = pairOf(cookies.slice(1))
    expect(session).not.toBe(planted)
    expect([await isSignedIn(planted), await isSignedIn(session)]).toEqual([false, true])
    expect(await isSignedIn(`${planted}; ${session}`)).toBe(false)
    expect(await isSignedIn(session.replace('__Host-', ''))).toBe(false)
    const { session: other } = await signedIn('ben')
    expect(other).not.toBe(session)
  })

  it('are worth nothing ten minutes later', async () => {
    const { session } = await signedIn('ben')
    expect(await isSignedIn(session)).toBe(true)
    const { rows } = await at.spec.superuser.query<{ seconds: number }>(
      `update notifier.page_session set expires_at = expires_at - interval '600 s'
       returning extract(epoch from expires_at - clock_timestamp())::float as seconds`,
    )
    expect(rows.every(({ seconds }) => seconds <= 0)).toBe(true)
    expect(await isSignedIn(session)).toBe(false)
  })
})

describe('a sign-in', () => {
  it('that another browser began signs nobody in here: neither its code nor its cookie is enough', async () => {
    const [mallorys, victims] = [await begun('ben'), await begun('cora')]
    expect(await ask(mallorys.back, { cookie: pairOf(victims.attempt) })).toMatchObject({ status: 401, cookies: [] })
    expect(await ask(victims.back, { cookie: pairOf(mallorys.attempt) })).toMatchObject({ status: 401, cookies: [] })
    expect((await ask(mallorys.back, { cookie: pairOf(mallorys.attempt) })).status).toBe(200)
  })

  it('leads to no other place than it began with, whatever became of its cookie', async () => {
    const { attempt, back } = await begun('ben')
    const [secret = '', , issuer = ''] = pairOf(attempt).split('.')
    for (const page of ['https://evil.example/', '//evil.example', '/me/keys\n', '/me/keys/../../v1', 'javascript:0']) {
      const cookie = [secret, Buffer.from(page).toString('base64url'), issuer].join('.')
      expect(await ask(back, { cookie })).toMatchObject({ status: 401, cookies: [] })
    }
    const elsewhere = [secret, Buffer.from('/me/keys').toString('base64url'), Buffer.from('https://evil.example')]
    expect((await ask(back, { cookie: elsewhere.join('.') })).status).toBe(401)
    expect(nextOf(await ask(back, { cookie: pairOf(attempt) }))).toBe('/me/keys')
  })

  it.each([
    '',
    'code=x',
    'code=x&state=y',
    'error=access_denied&state=z',
    'iss=https%3A%2F%2Fevil.example&code=1&state=2',
  ])('is none when the issuer sends back %j', async (query) => {
    const { attempt } = await begun('ben')
    const answer = await ask(`${callbackUrl()}?${query}`, { cookie: pairOf(attempt) })
    expect(answer).toMatchObject({ status: 401, cookies: [] })
  })
})

describe('the form of a page', () => {
  it('is sent by nobody else than the person whom the page was shown, and in no other session of theirs', async () => {
    const link = await addressOf('guest', 'link')
    const verdict = await addressOf('cora', 'verdict')
    const [noras, coras] = [await opened(link.url, 'nora'), await opened(verdict.url, 'cora')]
    const approve = { verdict: 'approve', reason: 'checked' }
    for (const name of ['erin', 'cora'] as const) {
      const other = await opened(keysUrl(), name)
      expect((await other.browser.submit(noras.page, {})).status).toBe(403)
      expect((await other.browser.submit(lastForm(coras.page), approve)).status).toBe(403)
    }
    expect([await guestIsLinked(), await verdictsOn(verdict.asking)]).toEqual([false, 0])
    expect((await coras.browser.submit(lastForm(coras.page), approve)).status).toBe(200)
  })

  it('does nothing once its session is over', async () => {
    const link = await addressOf('guest', 'link')
    const verdict = await addressOf('cora', 'verdict')
    for (const [{ browser, page }, fields] of [
      [await opened(link.url, 'nora'), {}],
      [await opened(verdict.url, 'cora'), { verdict: 'approve' }],
    ] as const) {
      await browser.submit(await browser.open(`${at.publicUrl}/me/sign-out`), {})
      const answer = await browser.submit(lastForm(page), fields)
      expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('action="/me/sign-in"') })
    }
    expect([await guestIsLinked(), await verdictsOn(verdict.asking)]).toEqual([false, 0])
  })

  it('says each thing once', async () => {
    const { asking, url } = await addressOf('ben', 'verdict')
    const post = async (body: string) =>
      (await fetch(url, { method: 'POST', headers: { origin: at.publicUrl }, body: new URLSearchParams(body) })).status
    expect(await post('verdict=approve&verdict=deny')).toBe(400)
    expect(await post(Array.from({ length: 17 }, (_, place) => `field${place}=1`).join('&'))).toBe(400)
    expect(await verdictsOn(asking)).toBe(0)
  })
})

describe('the address of a page', () => {
  it('that is for a verdict links no account, and the other way round', async () => {
    const [link, verdict] = [await addressOf('guest', 'link'), await addressOf('cora', 'verdict')]
    expect((await ask(link.url.replace('/link/', '/verdict/'))).status).toBe(404)
    expect((await ask(verdict.url.replace('/verdict/', '/link/'))).status).toBe(404)
  })

  it('gives nobody else a verdict who was sent it: the attempt is refused, and recorded as theirs', async () => {
    const { asking, url } = await addressOf('ben', 'verdict')
    const { browser, page } = await opened(url, 'cora')
    expect(page.status).toBe(403)
    const form = { ...page, text: `<form action="${new URL(url).pathname}">` }
    const token = tokenIn(await browser.open(`${at.publicUrl}/me/sign-out`))
    const before = await at.attemptsNamed(asking, 'VerdictRefused')
    const refused = await browser.submit(form, { token, verdict: 'approve', reason: 'in his name' })
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining(refusals.not_allowed.title) })
    expect((await at.attemptsNamed(asking, 'VerdictRefused')).slice(before.length)).toMatchObject([
      { code: 'not_allowed', person: at.people.cora, verdict: 'approve', channel: 'console' },
    ])
    expect(await verdictsOn(asking)).toBe(0)
    expect((await opened(url, 'ben')).page.status).toBe(200)
  })
})

describe('somebody of another tenant who signs in', () => {
  it('links no account here and gives no verdict, which is recorded without them', async () => {
    const elsewhere = await at.spec.addTenant('elsewhere')
    const directory = new RegisterPerson(at.spec.poolOf('notifier'), at.stores.notifier)
    await at.spec.superuser.query('update countersign.person set active = false where subject_id = $1', [
      at.people.audra,
    ])
    const { person } = await directory.handle({
      tenantId: elsewhere,
      issuer: at.idp.issuer,
      subject: 'audra',
      displayName: 'Audra of another firm',
      active: true,
      seeded: true,
      changedBy: null,
    })
    const link = await addressOf('guest', 'link')
    const verdict = await addressOf('ben', 'verdict')
    const { browser, page } = await opened(link.url, 'audra')
    expect(page).toMatchObject({ status: 403, text: expect.not.stringContaining('U0GUEST') })
    const shown = await browser.open(verdict.url)
    expect(shown).toMatchObject({ status: 403, text: expect.not.stringContaining('partner-eu') })
    const token = tokenIn(await browser.open(`${at.publicUrl}/me/sign-out`))
    for (const { url } of [link, verdict]) {
      const form = { ...shown, text: `<form action="${new URL(url).pathname}">` }
      expect((await browser.submit(form, { token, verdict: 'deny', reason: 'not yours' })).status).toBe(403)
    }
    expect([await guestIsLinked(), await verdictsOn(verdict.asking)]).toEqual([false, 0])
    const attempts = await at.attemptsOf(verdict.asking)
    expect(attempts.at(-1)).toMatchObject({ type: 'VerdictRefused', data: { code: 'not_allowed', person: null } })
    expect(JSON.stringify(attempts)).not.toContain(person)
  })
})

describe('somebody who may not act any more', () => {
  it('neither links, nor decides, nor adds a key with a session of before', async () => {
    const link = await addressOf('guest', 'link')
    const verdict = await addressOf('cora', 'verdict')
    const [noras, coras] = [await opened(link.url, 'nora'), await opened(verdict.url, 'cora')]
    const keys = await opened(keysUrl(), 'cora')
    const answer = softwareKey({ origin: at.publicUrl }).register(keyOptionsIn(keys.page))
    const { nora, cora } = at.people
    const setActive = (active: boolean) =>
      at.spec.superuser.query('update countersign.person set active = $2 where subject_id = any ($1)', [
        [nora, cora],
        active,
      ])
    await setActive(false)
    expect((await noras.browser.submit(lastForm(noras.page), {})).status).toBe(403)
    expect((await coras.browser.submit(lastForm(coras.page), { verdict: 'deny', reason: 'no' })).status).toBe(403)
    expect((await keys.browser.submit(keys.page, { answer })).status).toBe(403)
    expect((await coras.browser.open(verdict.url)).text).not.toContain('partner-eu')
    expect([await guestIsLinked(), await verdictsOn(verdict.asking)]).toEqual([false, 0])
    await setActive(true)
  })
})
