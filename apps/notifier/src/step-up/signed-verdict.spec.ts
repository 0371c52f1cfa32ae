import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { refusals, type SealedSignature } from '@countersign/contracts'
import { type BrowsedPage, startBrowser } from '@countersign/loopback/identity-provider'
import { commitment } from '@countersign/redaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asking } from '../asking.fixture.ts'
import { type Name, type NotifierWorld, slackChannel, slackIdOf, startWorld, until } from '../notifier-world.fixture.ts'
import { softwareKey } from '../register-key/software-key.fixture.ts'
import { keyOptionsIn, lastForm, signInOn } from '../sign-in/pages.fixture.ts'

let at: NotifierWorld
let coras: ReturnType<typeof softwareKey>
beforeAll(async () => {
  at = await startWorld()
  coras = softwareKey({ origin: at.publicUrl })
})
afterAll(() => at.stop())

const keysPage = async (name: Name) => {
  const browser = startBrowser()
  return { browser, page: await signInOn(at, browser, await browser.open(`${at.publicUrl}/me/keys`), name) }
}
const registrations = async () => {
  const { rows } = await at.spec.superuser.query<{ data: { person: string } }>(
    `select data from countersign.event where type like '%SecurityKeyRegistered%' order by position`,
  )
  return rows.map(({ data }) => data)
}
/** The page of a review that demands a key, where a click in the chat leads. */
const opened = async (name: Name) => {
  const asking = await at.ask({ assurance: { atLeast: 'webauthn', signedInWithinMs: 900_000 } })
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
  const url = /"url":"([^"]*\/me\/verdict\/[^"]*)"/.exec(JSON.stringify(told.blocks))?.[1] ?? ''
  const browser = startBrowser()
  const page = await signInOn(at, browser, await browser.open(url), name)
  const approve = (answer: string, on: BrowsedPage = page) =>
    browser.submit(lastForm(on), { verdict: 'approve', answer, reason: 'checked' })
  return { asking, page, approve }
}
const verdictIn = async (asking: Asking) =>
  (await at.eventsOf(asking)).find(({ type }) => type === 'VerdictRecorded')?.data

describe('a security key', () => {
  it('is added after a sign-in with several factors only, once, and is nobody else’s', async () => {
    const cora = await keysPage('cora')
    expect(cora.page.text).toContain('You have none yet')
    const answer = coras.register(keyOptionsIn(cora.page))
    expect((await cora.browser.submit(cora.page, { answer })).text).toContain('Key added')
    expect(await registrations()).toMatchObject([
      { person: at.people.cora, publicKeyDigest: expect.stringMatching(/^sha256:/), isBackedUp: false },
    ])
    expect(JSON.stringify(await registrations())).not.toContain(coras.credentialId)
    expect(await cora.browser.submit(cora.page, { answer })).toMatchObject({
      status: 409,
      text: expect.stringContaining(refusals.key_taken.title),
    })

    const ben = await keysPage('ben')
    expect(ben.page.text).toContain('needs a sign-in with several factors')
    expect(ben.page.text).not.toContain('data-options')
    expect(await registrations()).toHaveLength(1)
  })

  it.each([
    ['of another site', { origin: 'https://evil.example' }],
    ['for another host', { rpId: 'evil.example' }],
    ['of whom nobody checked that they are there', { isVerified: false }],
  ] as const)('is not added by an answer %s', async (_what, given) => {
    const { browser, page } = await keysPage('cora')
    const answer = softwareKey({ origin: at.publicUrl }).register(keyOptionsIn(page), given)
    expect((await browser.submit(page, { answer })).status).toBe(401)
    const elsewhere = softwareKey({ origin: at.publicUrl }).register({ challenge: 'AAAA' })
    expect((await browser.submit(page, { answer: elsewhere })).status).toBe(401)
    expect((await browser.submit(page, { answer: '{"id":1}' })).status).toBe(401)
    expect(await registrations()).toHaveLength(1)
  })
})

describe('a security key whose answer holds what nobody signed', () => {
  it.each<[told: string, transports: unknown, kept: readonly string[]]>([
    ['a text', 'usb', []],
    ['what only looks like a list', { length: 1 }, []],
    ['a number', 5, []],
    ['nothing', null, []],
    ['a list in a list', [['usb'], 'nfc'], ['nfc']],
    ['numbers', [1, 'usb'], ['usb']],
    ['thousands', Array.from({ length: 5_000 }, () => 'usb'), Array.from({ length: 8 }, () => 'usb')],
  ])('is added with those of its transports that are names: %s', async (_told, transports, kept) => {
    const { browser, page } = await keysPage('cora')
    const key = softwareKey({ origin: at.publicUrl })
    const answer = JSON.parse(key.register(keyOptionsIn(page))) as { response: Record<string, unknown> }
    answer.response['transports'] = transports
    expect(await browser.submit(page, { answer: JSON.stringify(answer) })).toMatchObject({ status: 200 })
    const { rows } = await at.spec.superuser.query<{ transports: string[] }>(
      'delete from notifier.security_key where credential_id = $1 returning transports',
      [key.credentialId],
    )
    expect(rows).toEqual([{ transports: kept }])
  })

  it('is not added under an id that is longer than a key’s may be', async () => {
    const { browser, page } = await keysPage('cora')
    for (const [length, status] of [
      [1_023, 200],
      [1_024, 401],
      [6_000, 401],
    ] as const) {
      const key = softwareKey({ origin: at.publicUrl }, randomBytes(length))
      expect((await browser.submit(page, { answer: key.register(keyOptionsIn(page)) })).status).toBe(status)
      await at.spec.superuser.query('delete from notifier.security_key where credential_id = $1', [key.credentialId])
    }
  })
})

describe('a verdict that policy wants signed', () => {
  it('carries a signature over the action and over what was shown, which anybody with the evidence can verify', async () => {
    const { asking, page, approve } = await opened('cora')
    const done = await approve(coras.sign(keyOptionsIn(page)))
    expect(done.text).toContain('The intent is now: approved')
    const verdict = await verdictIn(asking)
    expect(verdict).toMatchObject({ assurance: 'webauthn', channel: 'console', person: at.people.cora })
    const { signature, actionDigest, presentationDigest } = verdict as {
      signature: { sealedSignatureId: string; commitment: string }
      actionDigest: string
      presentationDigest: string
    }
    expect(JSON.stringify(verdict)).not.toContain(coras.credentialId)
    const opening = { tenantId: asking.tenantId, sealedId: signature.sealedSignatureId }
    const sealed = (await at.keys.openBatch([opening])).get(signature.sealedSignatureId)
    if (sealed?.status !== 'open') throw new Error('the signature is not sealed')
    const { salt, ...evidence } = JSON.parse(sealed.plaintext.toString('utf8')) as SealedSignature
    expect(commitment(salt, evidence)).toBe(signature.commitment)

    const client = Buffer.from(evidence.clientDataJson, 'base64url')
    const challenge = createHash('sha256')
      .update(['countersign/verdict/v1', actionDigest, presentationDigest, evidence.nonce].join('\n'))
      .digest('base64url')
    expect(JSON.parse(client.toString('utf8'))).toMatchObject({ type: 'webauthn.get', challenge })
    const signed = Buffer.concat([
      Buffer.from(evidence.authenticatorData, 'base64url'),
      createHash('sha256').update(client).digest(),
    ])
    const cose = Buffer.from(evidence.publicKey, 'base64url')
    const [x, y] = [cose.subarray(10, 42), cose.subarray(45, 77)].map((part) => part.toString('base64url'))
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, format: 'jwk' })
    expect(verify('sha256', signed, key, Buffer.from(evidence.signature, 'base64url'))).toBe(true)
  })

  it('is refused without one, with one for another page, by somebody else’s key, and by a copy of a key', async () => {
    const { asking, page, approve } = await opened('cora')
    const other = await opened('cora')
    const options = keyOptionsIn(page)
    const refused = async (answer: string, code: 'signature_invalid' | 'step_up_required') =>
      expect(await approve(answer)).toMatchObject({ status: 401, text: expect.stringContaining(refusals[code].title) })
    await refused('', 'step_up_required')
    await refused(coras.sign(keyOptionsIn(other.page)), 'signature_invalid')
    await refused(softwareKey({ origin: at.publicUrl }).sign(options), 'signature_invalid')
    await refused(coras.sign(options, { origin: 'https://evil.example' }), 'signature_invalid')
    await refused(coras.sign(options, { rpId: 'evil.example' }), 'signature_invalid')
    await refused(coras.sign(options, { isVerified: false }), 'signature_invalid')
    await refused(coras.sign(options, { counter: 1 }), 'signature_invalid')
    await refused('{"id":', 'signature_invalid')
    expect(await verdictIn(asking)).toBeUndefined()
    const codes = (await at.attemptsNamed(asking, 'VerdictRefused')).map(({ code }) => code)
    expect(codes.filter((code) => code === 'signature_invalid')).toHaveLength(7)
    expect((await approve(coras.sign(options, { counter: 100 }))).text).toContain('approved')
  })

  it('does not count for another rendering of the review than was signed', async () => {
    const { asking, page, approve } = await opened('cora')
    const answer = coras.sign(keyOptionsIn(page))
    const digest = / name="digest" value="([^"]*)"/.exec(page.text)?.[1] ?? 'none'
    const changed = { ...page, text: page.text.replace(digest, `sha256:${'0'.repeat(64)}`) }
    expect((await approve(answer, changed)).status).toBe(401)
    expect(await verdictIn(asking)).toBeUndefined()
  })

  it('leads who has no key to the page that adds one, and takes their no', async () => {
    const { asking, page } = await opened('ben')
    expect(page.text).toContain('<a href="/me/keys">add one</a>')
    expect(page.text).not.toContain('value="approve"')
    expect(await verdictIn(asking)).toBeUndefined()
  })
})

describe('a security key that its person removes', () => {
  const removals = async () => {
    const { rows } = await at.spec.superuser.query<{ data: object }>(
      `select data from countersign.event where type like '%SecurityKeyRemoved%'`,
    )
    return rows.map(({ data }) => data)
  }
  const keyIds = async () => {
    const { rows } = await at.spec.superuser.query<{ key_id: string }>('select key_id from notifier.security_key')
    return rows.map(({ key_id: keyId }) => keyId)
  }
  it('signs nothing more, is nobody’s again, and only its person can remove it', async () => {
    const [keyId = ''] = await keyIds()
    const { asking, page, approve } = await opened('cora')
    const ben = await keysPage('ben')
    const signOut = await ben.browser.open(`${at.publicUrl}/me/sign-out`)
    const bens = { ...signOut, text: signOut.text.replace('action="/me/sign-out"', 'action="/me/keys"') }
    expect((await ben.browser.submit(bens, { remove: keyId })).status).toBe(404)
    expect(await removals()).toEqual([])

    const cora = await keysPage('cora')
    expect(cora.page.text).toContain('Remove the key registered')
    const removed = await cora.browser.submit(lastForm(cora.page), { remove: keyId })
    expect(removed.text).toContain('Key removed')
    expect(await removals()).toEqual([{ keyId, person: at.people.cora }])
    expect((await cora.browser.submit(lastForm(cora.page), { remove: keyId })).status).toBe(404)
    expect((await cora.browser.submit(lastForm(cora.page), { remove: 'x' })).status).toBe(404)

    expect((await approve(coras.sign(keyOptionsIn(page)))).status).toBe(401)
    expect(await verdictIn(asking)).toBeUndefined()
    const anew = await keysPage('cora')
    expect(anew.page.text).toContain('You have none yet')
    const answer = coras.register(keyOptionsIn(anew.page))
    expect((await anew.browser.submit(lastForm(anew.page), { answer })).status).toBe(409)
  })
})

describe('signing out', () => {
  it('ends the session for every browser that has its cookie, by a form of ours only', async () => {
    const { browser, page } = await keysPage('cora')
    expect(page.text).toContain('<a href="/me/sign-out">')
    expect((await fetch(`${at.publicUrl}/me/sign-out`, { method: 'POST' })).status).toBe(403)
    const form = await browser.open(`${at.publicUrl}/me/sign-out`)
    expect((await browser.submit(form, { token: 'x' })).status).toBe(403)
    expect((await browser.open(`${at.publicUrl}/me/keys`)).text).toContain('You have none yet')
    expect((await browser.submit(form, {})).text).toContain('Nobody is signed in here any more')
    expect((await browser.open(`${at.publicUrl}/me/keys`)).text).toContain('Sign in to see yours')
    expect((await browser.open(`${at.publicUrl}/me/sign-out`)).text).toContain('Nobody is signed in')
    expect((await browser.submit(form, {})).text).toContain('Nobody is signed in')
  })
})
