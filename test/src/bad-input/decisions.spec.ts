import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../instance/until.ts'
import { type Running, startRunning } from '../running.ts'
import { approved, concreteOf, decide, exportIntent, inReview, readIntent, readReview, settled } from '../stories.ts'
import { type Expected, expectRejection, marker } from './rejection.ts'

let running: Running
beforeAll(async () => {
  running = await startRunning()
}, 120_000)
afterAll(() => running.stop())

const rejects = (status: number, code: string, more: Partial<Expected> = {}) => {
  const expected = { status, code, recorded: true, ...more }
  return (path: string, body: unknown, token = running.tokens.agent) =>
    expectRejection(running, expected, () => running.call(path, { token, body }))
}
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const personNamed = async (sub: string): Promise<string> => {
  const { rows } = await running.superuser.query<{ subject_id: string }>(
    'select subject_id from countersign.subject where sub = $1',
    [sub],
  )
  return rows[0]?.subject_id ?? ''
}

describe('a token that is not good here (B099)', () => {
  const person = { sub: 'ben', amr: ['pwd', 'mfa'] }
  const now = Math.floor(Date.now() / 1000)
  const claims = () => ({
    iss: running.credentials.issuer,
    aud: running.credentials.audience,
    client_id: 'countersign-cli',
    iat: now,
    exp: now + 600,
    ...person,
  })

  it.each<[string, string, () => string | Promise<string>]>([
    ['expired', 'token_expired', () => running.mint.token({ ...person, exp: now - 60 })],
    ['not yet valid', 'token_invalid', () => running.mint.token({ ...person, nbf: now + 600 })],
    ['without an end', 'token_invalid', () => running.mint.token({ ...person, exp: undefined })],
    ['without a subject', 'token_invalid', () => running.mint.token({})],
    ['without a client', 'token_invalid', () => running.mint.token({ ...person, client_id: undefined })],
    ['for another audience', 'token_invalid', () => running.mint.token({ ...person, aud: 'urn:other:api' })],
    ['of another issuer', 'token_invalid', () => running.mint.token({ ...person, iss: 'https://evil.example' })],
    ['of another type', 'token_invalid', () => running.mint.token(person, { typ: 'JWT' })],
    ['without kid', 'token_invalid', () => running.mint.token(person, { kid: undefined })],
    ['with a path as kid', 'token_invalid', () => running.mint.token(person, { kid: '../../keys/log.pem' })],
    ['with SQL as kid', 'token_invalid', () => running.mint.token(person, { kid: "' or 1=1 --" })],
    ['with jku', 'token_invalid', () => running.mint.token(person, { jku: 'http://127.0.0.1:1/jwks' })],
    ['with x5u', 'token_invalid', () => running.mint.token(person, { x5u: 'http://127.0.0.1:1/x5u' })],
    [
      'with a key of its own',
      'token_invalid',
      () => running.mint.token(person, { jwk: JSON.parse(running.mint.publicJwk) }),
    ],
    [
      'signed by nobody',
      'token_invalid',
      () => `${base64url({ alg: 'none', typ: 'at+jwt', kid: running.mint.kid })}.${base64url(claims())}.`,
    ],
    [
      'signed with the public key as a secret',
      'token_invalid',
      () => {
        const signed = `${base64url({ alg: 'HS256', typ: 'at+jwt', kid: running.mint.kid })}.${base64url(claims())}`
        return `${signed}.${createHmac('sha256', running.mint.publicJwk).update(signed).digest('base64url')}`
      },
    ],
    [
      'signed with another key',
      'token_invalid',
      () =>
        new SignJWT(claims())
          .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: running.mint.kid })
          .sign(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    [
      'with a claim changed',
      'token_invalid',
      async () => {
        const [head, , signature] = (await running.mint.token(person)).split('.')
        return `${head}.${base64url({ ...claims(), sub: 'dana' })}.${signature}`
      },
    ],
    ['of 9 KiB', 'token_invalid', () => 'a'.repeat(9_000)],
    ['that is no JWT', 'token_invalid', () => marker],
  ])('%s: 401 %s', async (_what, code, token) => {
    const bearer = await token()
    for (const path of ['/v1/reviews', '/v1/audit', '/v1/ledger/logs', `/v1/intents/${randomUUID()}`]) {
      await expectRejection(running, { status: 401, code, recorded: false }, () =>
        running.call(path, { token: bearer }),
      )
    }
  })

  it('that is not there: 401 token_missing', async () => {
    const expected = { status: 401, code: 'token_missing', recorded: false }
    await expectRejection(running, expected, () => running.call('/v1/reviews'))
    await expectRejection(running, expected, () => running.call('/v1/intents', { body: {} }))
  })
})

describe('a verdict that is none', () => {
  const bad = { status: 400, code: 'invalid_request', recorded: true }

  it.each<[string, string, Record<string, unknown>]>([
    ['B098', 'APPROVE', { verdict: 'APPROVE' }],
    ['B098', 'approve with a space', { verdict: 'approve ' }],
    ['B098', 'yes', { verdict: 'yes' }],
    ['B098', '1', { verdict: 1 }],
    ['B098', 'true', { verdict: true }],
    ['B098', 'no verdict', { verdict: undefined }],
    ['B097', 'no digest', { presentationDigest: undefined }],
    ['B097', 'half a digest', { presentationDigest: 'sha256:00' }],
    ['B103', 'a reason of 2,001 characters', { reason: 'r'.repeat(2_001) }],
    ['B103', 'a reason that is an object', { reason: { text: marker } }],
  ])('%s %s: 400 invalid_request', async (_id, _what, over) => {
    const { reviewId, intentId } = await inReview(running)
    const presentationDigest = (await readReview(running, running.tokens.ben, reviewId)).body.presentationDigest
    const body = { verdict: 'approve', presentationDigest, ...over }
    const path = `/v1/reviews/${reviewId}/verdicts`
    await expectRejection(running, bad, () => running.call(path, { token: running.tokens.ben, body }))
    expect((await running.client.read(intentId)).state).toBe('in_review')
  })

  it('B103 10,000 characters of reason: 400 string_too_long', async () => {
    const { reviewId } = await inReview(running)
    const body = { verdict: 'deny', presentationDigest: `sha256:${'0'.repeat(64)}`, reason: 'r'.repeat(10_000) }
    await rejects(400, 'string_too_long')(`/v1/reviews/${reviewId}/verdicts`, body, running.tokens.ben)
  })

  it('B103 a no without a reason: 400 reason_required', async () => {
    const { reviewId } = await inReview(running)
    const expected = { status: 400, code: 'reason_required', recorded: true }
    await expectRejection(running, expected, () => decide(running, running.tokens.ben, reviewId, { verdict: 'deny' }))
    const blank = () => decide(running, running.tokens.ben, reviewId, { verdict: 'deny', reason: '   ' })
    await expectRejection(running, expected, blank)
  })

  it('B097 the digest of another review, or of what somebody else read: 409 card_stale', async () => {
    const [one, two] = [await inReview(running), await inReview(running)]
    const other = (await readReview(running, running.tokens.ben, two.reviewId)).body.presentationDigest
    const stale = rejects(409, 'card_stale')
    const path = `/v1/reviews/${one.reviewId}/verdicts`
    await stale(path, { verdict: 'approve', presentationDigest: other }, running.tokens.ben)
    await stale(path, { verdict: 'approve', presentationDigest: `sha256:${'0'.repeat(64)}` }, running.tokens.ben)
  })

  it('B095 on a review that nobody knows, or another tenant’s: 404 unknown_review', async () => {
    const body = { verdict: 'approve', presentationDigest: `sha256:${'0'.repeat(64)}` }
    const unknown = (reviewId: string) => () =>
      running.call(`/v1/reviews/${reviewId}/verdicts`, { token: running.tokens.ben, body })
    await expectRejection(running, { status: 404, code: 'unknown_review', recorded: true }, unknown(randomUUID()))
    await running.call('/v1/agents', { token: running.tokens.replay, body: { name: 'replayer', kind: 'agent' } })
    const foreign = await running.call<{ intentId: string }>('/v1/intents', {
      token: running.tokens.replay,
      body: exportIntent({ agent: { name: 'replayer' } }),
      headers: { 'idempotency-key': randomUUID() },
    })
    const reviewId = await until(
      async () => {
        const path = `/v1/intents/${foreign.body.intentId}?waitMs=1000`
        const read = await running.call<{ review?: { reviewId: string } }>(path, { token: running.tokens.replay })
        return read.body.review?.reviewId
      },
      { what: 'the other tenant’s review' },
    )
    await expectRejection(running, { status: 404, code: 'unknown_review', recorded: true }, unknown(reviewId))
    expect((await readReview(running, running.tokens.ben, reviewId)).code).toBe('unknown_review')
  })

  it.each<[string, string, (reviewId: string, intentId: string) => Promise<unknown>]>([
    ['approved', 'review_closed', (id) => decide(running, running.tokens.ben, id, { verdict: 'approve' })],
    [
      'denied',
      'review_closed',
      (id) => decide(running, running.tokens.ben, id, { verdict: 'deny', reason: 'not now' }),
    ],
    ['withdrawn', 'review_closed', (_id, intentId) => running.client.withdraw(intentId)],
  ])('B095 on a review that was %s: 409 %s', async (_what, code, end) => {
    const { reviewId, intentId } = await inReview(running)
    const { presentationDigest } = (await readReview(running, running.tokens.ben, reviewId)).body
    await end(reviewId, intentId)
    const body = { verdict: 'approve', presentationDigest }
    await rejects(409, code)(`/v1/reviews/${reviewId}/verdicts`, body, running.tokens.ben)
  })

  it('B100 of an agent, a client or somebody unknown: 403', async () => {
    const { reviewId } = await inReview(running)
    const path = `/v1/reviews/${reviewId}/verdicts`
    const body = { verdict: 'approve', presentationDigest: `sha256:${'0'.repeat(64)}` }
    await rejects(403, 'not_human')(path, body, running.tokens.agent)
    const service = await running.mint.token({ sub: 'svc-approver', client_id: 'svc-approver' })
    await rejects(403, 'not_human')(path, body, service)
    const delegated = await running.mint.token({ sub: 'ben', act: { sub: 'etl-bot' } })
    await rejects(403, 'not_human')(path, body, delegated)
    await rejects(403, 'person_inactive')(path, body, await running.mint.token({ sub: 'mallory' }))
  })

  it.each([
    ['of the agent that asks', 'etl-bot'],
    ['of its producer', 'etl-producer'],
    ['of another agent', 'deploy-bot'],
  ])('B100 with a person’s token that was given to the client %s: 403 not_human', async (_whose, clientId) => {
    const change = { kind: 'agent', producer: 'etl', owner: { person: await personNamed('dana') }, reason: 'trial' }
    const other = { ...change, name: 'deploy-bot', clientId: 'deploy-bot' }
    const added = await running.call('/v1/agents/register', { token: running.tokens.ben, body: other })
    expect(added.status, added.text).toBe(200)
    const { reviewId } = await inReview(running)
    const { presentationDigest } = (await readReview(running, running.tokens.ben, reviewId)).body
    const path = `/v1/reviews/${reviewId}/verdicts`
    const body = { verdict: 'approve', presentationDigest }
    const held = await running.mint.token({ sub: 'ben', client_id: clientId, auth_time: Math.floor(Date.now() / 1000) })
    await rejects(403, 'not_human')(path, body, held)
    const own = await running.call(path, { token: running.tokens.ben, body })
    expect(own.status, own.text).toBe(201)
  })
})

describe('a grant that is used wrongly (B101)', () => {
  const granted = async (body = exportIntent()) => {
    const { intentId } = await approved(running, body)
    const grant = await running.client.collect(intentId)
    const redemption = { token: grant.token, redemptionId: randomUUID(), ...concreteOf(body) }
    return { intentId, grant, redemption, path: `/v1/grants/${grant.grantId}/redeem` }
  }
  // Reads need no human, so most of these begin faster.
  const allowed = async (body = readIntent()) => {
    const { intentId } = await settled(running, body)
    const grant = await running.client.collect(intentId)
    const redemption = { token: grant.token, redemptionId: randomUUID(), ...concreteOf(body) }
    return { intentId, grant, redemption, path: `/v1/grants/${grant.grantId}/redeem` }
  }
  const twoKeys = { bucket: 's3://partner-eu', table: 'customers' }

  it.each<[string, Record<string, unknown>, string, string]>([
    ['another action', { action: 'data.drop' }, 'action_mismatch', '/action'],
    ['another target', { target: 's3://partner-us' }, 'target_mismatch', '/target'],
    ['another environment', { environment: 'staging' }, 'environment_mismatch', '/environment'],
    [
      'another value',
      { parameters: { ...twoKeys, bucket: `s3://${marker}` } },
      'parameters_mismatch',
      '/parameters/bucket',
    ],
    ['a space more', { parameters: { ...twoKeys, table: 'customers ' } }, 'parameters_mismatch', '/parameters/table'],
    ['a parameter more', { parameters: { ...twoKeys, force: true } }, 'parameters_mismatch', '/parameters/force'],
    ['a parameter less', { parameters: { bucket: 's3://partner-eu' } }, 'parameters_mismatch', '/parameters/table'],
    ['a number for a string', { parameters: { ...twoKeys, table: 1 } }, 'parameters_mismatch', '/parameters/table'],
    ['preconditions', { preconditions: { etag: '7' } }, 'preconditions_mismatch', '/preconditions/etag'],
    ['another digest', { actionDigest: `sha256:${'0'.repeat(64)}` }, 'binding_mismatch', '/actionDigest'],
  ])('with %s: 409, naming the field', async (_what, over, code, pointer) => {
    const { path, redemption, intentId } = await allowed(readIntent({ parameters: twoKeys }))
    await rejects(409, code, { pointer })(path, { ...redemption, ...over })
    expect((await running.client.read(intentId)).state).toBe('granted')
  })

  it('with the keys in another order: the same action, so it is redeemed', async () => {
    const { path, redemption } = await granted(exportIntent({ parameters: twoKeys }))
    const parameters = { table: 'customers', bucket: 's3://partner-eu' }
    const answer = await running.call(path, { token: running.tokens.agent, body: { ...redemption, parameters } })
    expect(answer.status, answer.text).toBe(200)
  })

  it('by another client of the same producer: 403 wrong_executor', async () => {
    const { path, redemption } = await allowed()
    const other = await running.mint.token({ sub: 'etl-producer', client_id: 'etl-producer' })
    await rejects(403, 'wrong_executor')(path, redemption, other)
  })

  it('by a client of another tenant: 404 unknown_grant', async () => {
    const { path, redemption, intentId } = await allowed()
    await rejects(404, 'unknown_grant')(path, redemption, running.tokens.replay)
    const collect = `/v1/intents/${intentId}/grant`
    await rejects(404, 'unknown_intent')(collect, {}, running.tokens.replay)
  })

  it('with a token that was changed, or of another grant: 403 grant_token_invalid, 409 grant_mismatch', async () => {
    const [{ path, redemption }, other] = [await allowed(), await allowed()]
    await rejects(403, 'grant_token_invalid')(path, { ...redemption, token: `${redemption.token}x` })
    await rejects(409, 'grant_mismatch')(path, { ...redemption, token: other.redemption.token })
    await rejects(403, 'grant_token_invalid')(path, { ...redemption, token: marker })
  })

  it('again under another redemption: 409 already_redeemed', async () => {
    const { path, redemption } = await allowed()
    await running.call(path, { token: running.tokens.agent, body: redemption })
    await rejects(409, 'already_redeemed')(path, { ...redemption, redemptionId: randomUUID() })
  })

  it('after it was revoked: 409 grant_revoked', async () => {
    const { path, redemption, grant } = await allowed()
    await running.client.revoke(grant.grantId)
    await rejects(409, 'grant_revoked')(path, redemption)
  })

  it('that nobody knows: 404 unknown_grant', async () => {
    const { redemption } = await allowed()
    const path = `/v1/grants/${randomUUID()}/redeem`
    await rejects(404, 'unknown_grant')(path, redemption)
  })

  it('of an intent that is not decided, denied or withdrawn: refused with its state', async () => {
    const waiting = await inReview(running)
    await rejects(409, 'not_decided')(`/v1/intents/${waiting.intentId}/grant`, {})
    const denied = await settled(running, exportIntent({ action: 'snapshot.delete' }))
    await rejects(409, 'intent_denied')(`/v1/intents/${denied.intentId}/grant`, {})
    await running.client.withdraw(waiting.intentId)
    await rejects(409, 'intent_withdrawn')(`/v1/intents/${waiting.intentId}/grant`, {})
  })
})

describe('a report that cannot be (B102)', () => {
  const redeemed = async () => {
    const body = readIntent()
    const { intentId } = await settled(running, body)
    const grant = await running.client.collect(intentId)
    await running.client.redeem(grant, concreteOf(body))
    return { grantId: grant.grantId, executionId: randomUUID() }
  }
  const report = (ids: object, over: object = {}) => ({ ...ids, outcome: 'succeeded', ...over })

  it('without a grant: 404 unknown_grant', async () => {
    const ids = { grantId: randomUUID(), executionId: randomUUID() }
    await rejects(404, 'unknown_grant')('/v1/executions', report(ids))
  })

  it('before the grant was redeemed: 409 not_redeemed', async () => {
    const { intentId } = await settled(running, readIntent())
    const { grantId } = await running.client.collect(intentId)
    await rejects(409, 'not_redeemed')('/v1/executions', report({ grantId, executionId: randomUUID() }))
  })

  it('by another executor: 403 wrong_executor', async () => {
    const other = await running.mint.token({ sub: 'etl-producer', client_id: 'etl-producer' })
    await rejects(403, 'wrong_executor')('/v1/executions', report(await redeemed()), other)
  })

  it('of another outcome or result after the first: 409 already_reported; the same again is taken', async () => {
    const ids = await redeemed()
    const first = await running.call('/v1/executions', { token: running.tokens.agent, body: report(ids) })
    expect(first.status, first.text).toBe(202)
    await rejects(409, 'already_reported')('/v1/executions', report(ids, { outcome: 'failed', code: 'changed_mind' }))
    await rejects(409, 'already_reported')('/v1/executions', report(ids, { rows: 1_000_000 }))
    await rejects(409, 'already_reported')('/v1/executions', report({ ...ids, executionId: randomUUID() }))
    const again = await running.call('/v1/executions', { token: running.tokens.agent, body: report(ids) })
    expect(again.status).toBe(202)
  })

  it.each<[string, object, number, string]>([
    ['an exit code of a billion', { exitCode: 1e9 }, 400, 'invalid_request'],
    ['an exit code of −1', { exitCode: -1 }, 400, 'invalid_request'],
    ['an outcome that is none', { outcome: marker }, 400, 'invalid_request'],
    ['a success with an exit code that is a failure', { exitCode: 3 }, 400, 'invalid_request'],
    ['a success with an error', { code: 'disk_full' }, 400, 'invalid_request'],
    ['its output', { output: marker }, 400, 'unknown_field'],
    ['10 MB of output', { output: 'x'.repeat(10_000_000) }, 413, 'body_too_large'],
  ])('with %s', async (_what, over, status, code) => {
    const body = report(await redeemed(), over)
    const large = status === 413
    await expectRejection(running, { status, code, recorded: true }, () =>
      large ? sendLarge(JSON.stringify(body)) : running.call('/v1/executions', { token: running.tokens.agent, body }),
    )
  })
})

describe('a question that cannot be', () => {
  it.each([
    ['B104', '/v1/audit?after=forged', 'invalid_parameter'],
    ['B104', '/v1/audit?after=-1', 'invalid_parameter'],
    ['B104', '/v1/audit?after=999999999999999999999999', 'invalid_parameter'],
    ['B104', '/v1/audit?limit=1000000000', 'invalid_parameter'],
    ['B104', '/v1/audit?limit=0', 'invalid_parameter'],
    ['B104', '/v1/audit?limit=1&limit=2', 'duplicate_parameter'],
    ['B104', '/v1/reviews?limit=-1', 'invalid_parameter'],
    ['B105', "/v1/reviews?state=' or 1=1", 'invalid_parameter'],
    ['B105', '/v1/reviews?q=(a%2B)%2B$', 'unknown_parameter'],
    ['B106', '/v1/lineage/agent/etl-bot?depth=1000', 'invalid_parameter'],
    ['B106', '/v1/lineage/agent/etl-bot?depth=-1', 'invalid_parameter'],
    ['B106', '/v1/lineage/agent/etl-bot?maxNodes=1000000', 'invalid_parameter'],
    ['B106', '/v1/lineage/agent/etl-bot?after=forged', 'invalid_parameter'],
    ['B106', '/v1/lineage/agent/etl-bot?asOf=2027-02-30T00:00:00Z', 'invalid_parameter'],
    ['B104', '/v1/intents/0199f1f0-0000-7000-8000-000000000001?waitMs=1e9', 'invalid_parameter'],
  ])('%s %s: 400 %s', async (_id, path, code) => {
    const expected = { status: 400, code, recorded: false }
    await expectRejection(running, expected, () => running.call(encodeURI(path), { token: running.tokens.ben }))
  })
})

/** A body that the edge refuses by its length while it is still being sent. */
const sendLarge = async (body: string) => {
  const { rawExchange, rawRequest } = await import('../instance/raw-http.ts')
  const headers = [
    `host: ${new URL(running.baseUrl).host}`,
    `authorization: Bearer ${running.tokens.agent}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  const { answers } = await rawExchange(running.baseUrl, [rawRequest({ path: '/v1/executions', headers, body })])
  const [answer] = answers
  if (answer === undefined) throw new Error('there was no answer')
  return answer
}
