import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RawExchange, rawExchange, rawRequest } from '../instance/raw-http.ts'
import { type Running, startRunning } from '../running.ts'
import { headersOf, httpRows } from './http-rows.ts'
import { intentRows } from './intent-rows.ts'
import { jsonRows, truncations } from './json-rows.ts'
import { expectRejection, goodIntent, marker, type Refused } from './rejection.ts'

let running: Running
// These two wait for the edge's own time limits, so they run beside everything else and are looked at last.
let slow: Record<'headers' | 'body', Promise<RawExchange>>

const dripping = async function* (first: Uint8Array, drop: string): AsyncGenerator<Uint8Array> {
  yield first
  for (let sent = 0; sent < 60; sent += 1) {
    await pause(1_000)
    yield Buffer.from(drop)
  }
}

beforeAll(async () => {
  running = await startRunning()
  const head = rawRequest({
    path: '/v1/intents',
    headers: [...headersOf(running), 'content-type: application/json', 'content-length: 1000'],
    body: '{',
  })
  slow = {
    headers: rawExchange(
      running.baseUrl,
      dripping(Buffer.from('POST /v1/intents HTTP/1.1\r\nhost: a\r\n'), 'x: y\r\n'),
      {
        withinMs: 55_000,
      },
    ),
    body: rawExchange(running.baseUrl, dripping(head, ' '), { withinMs: 55_000 }),
  }
}, 120_000)
afterAll(() => running.stop())

const post = async (
  body: string | Uint8Array,
  headers: Record<string, string> = {},
  token = running.tokens.agent,
): Promise<Refused> => {
  const answer = await fetch(`${running.baseUrl}/v1/intents`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      ...headers,
    },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const publish = (body: unknown, key: string = randomUUID(), token = running.tokens.agent) =>
  running.call<{ intentId: string; state: string; actionDigest: string }>('/v1/intents', {
    token,
    body,
    headers: { 'idempotency-key': key },
  })
const raw = ({ answers: [answer] }: RawExchange): Refused => {
  if (answer === undefined) throw new Error('there was no answer')
  return answer
}

describe('a body that is bad as JSON is refused before anything reads it', () => {
  it.each(jsonRows)('$id $what: $code', async ({ code, body, status = 400 }) => {
    await expectRejection(running, { status, code, recorded: true }, () => post(body))
  })

  it('B004 a good body that is cut off, at every byte', async () => {
    const expected = { status: 400, code: 'invalid_json', recorded: true, attempts: truncations.length }
    await expectRejection(running, expected, async () => {
      const answers: Refused[] = []
      for (const body of truncations) answers.push(await post(body))
      return answers
    })
  })

  it.each([
    ['B015', 'depth 1,000,000', () => `{"parameters":${'['.repeat(1_000_000)}`],
    ['B016', 'a million keys', () => `{${Array.from({ length: 1_000_000 }, (_, at) => `"k${at}":1`).join(',')}}`],
    ['B017', '10 MB', () => goodBodyOf(10_000_000)],
    ['B053', 'a data URI of 1 MB', () => JSON.stringify(goodIntent({ parameters: { file: 'A'.repeat(1_000_000) } }))],
  ])('%s %s: body_too_large, without growing by it', async (_id, _what, make) => {
    const before = await residentBytes()
    const body = make()
    const request = rawRequest({
      path: '/v1/intents',
      headers: [...headersOf(running), 'content-type: application/json', `content-length: ${Buffer.byteLength(body)}`],
      body,
    })
    await expectRejection(running, { status: 413, code: 'body_too_large', recorded: true }, async () =>
      raw(await rawExchange(running.baseUrl, [request])),
    )
    expect((await residentBytes()) - before, 'memory').toBeLessThan(50 * 1024 * 1024)
  })

  it('B030 one bad among 1,000 requests on one connection spoils no other', async () => {
    const host = `host: ${new URL(running.baseUrl).host}`
    const fine = rawRequest({ method: 'GET', path: '/healthz', headers: [host] })
    const bad = rawRequest({
      path: '/v1/intents',
      headers: [...headersOf(running), 'content-type: application/json', 'content-length: 4'],
      body: '{,,}',
    })
    const parts = Array.from({ length: 1_000 }, (_, at) => (at === 500 ? bad : fine))
    const { answers } = await rawExchange(running.baseUrl, parts, { answers: 1_000, withinMs: 30_000 })
    expect(answers.map(({ status }) => status)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => (at === 500 ? 400 : 200)),
    )
  })
})

describe('bytes that are bad as HTTP are refused', () => {
  it.each(httpRows)('$id $what: $status $code', async ({ status, code, closes, unknown, send }) => {
    await expectRejection(running, { status, code, recorded: unknown !== true }, async () => {
      const exchange = await send(running)
      if (closes === true) expect(exchange.closed, 'the connection is closed').toBe(true)
      return raw(exchange)
    })
  })

  it('B023 HEAD: 405', async () => {
    const answer = await fetch(`${running.baseUrl}/v1/intents`, { method: 'HEAD' })
    expect(answer.status).toBe(405)
  })
})

describe('an intent with bad fields is refused and recorded', () => {
  it.each(intentRows)('$id $what', async ({ body, status = 400, code = 'invalid_request', pointer }) => {
    const expected = { status, code, recorded: true, ...(pointer === undefined ? {} : { pointer }) }
    await expectRejection(running, expected, () => post(JSON.stringify(body)))
  })

  it("B037 another tenant's intent is not there", async () => {
    const mine = await publish(goodIntent())
    const read = () => running.call(`/v1/intents/${mine.body.intentId}`, { token: running.tokens.replay })
    await expectRejection(running, { status: 404, code: 'unknown_intent', recorded: false }, read)
  })

  it("B038 another tenant's agent: agent_not_yours", async () => {
    const body = JSON.stringify(goodIntent())
    const expected = { status: 403, code: 'agent_not_yours', pointer: '/agent/name', recorded: true }
    await expectRejection(running, expected, () => post(body, {}, running.tokens.replay))
  })

  it.each([
    ['nothing like an id', 'not-a-uuid'],
    ['the nil UUID', '00000000-0000-0000-0000-000000000000'],
    ['SQL', "1'%20or%20'1'='1"],
  ])('B045 %s in the path: not_found', async (_what, id) => {
    const read = () => running.call(`/v1/intents/${id}`, { token: running.tokens.agent })
    await expectRejection(running, { status: 404, code: 'not_found', recorded: false }, read)
  })

  it('B045 the upper-case twin of an id: not_found', async () => {
    const { body } = await publish(goodIntent())
    const read = () => running.call(`/v1/intents/${body.intentId.toUpperCase()}`, { token: running.tokens.agent })
    await expectRejection(running, { status: 404, code: 'not_found', recorded: false }, read)
  })
})

describe('idempotency keys (B044)', () => {
  it('is compulsory', async () => {
    const send = () => running.call('/v1/intents', { token: running.tokens.agent, body: goodIntent() })
    await expectRejection(running, { status: 400, code: 'idempotency_key_missing', recorded: true }, send)
  })

  it.each([
    ['empty', ''],
    ['256 characters', 'k'.repeat(256)],
    ['not ASCII', 'clé'],
    ['with a space', 'a b'],
    ['with a tab', 'a\tb'],
  ])('%s: idempotency_key_invalid', async (_what, key) => {
    const send = () => post(JSON.stringify(goodIntent()), { 'idempotency-key': key })
    await expectRejection(running, { status: 400, code: 'idempotency_key_invalid', recorded: true }, send)
  })

  it.each([
    ['one character', () => 'k'],
    ['255 characters', () => randomUUID().padEnd(255, 'k')],
  ])('of %s is accepted', async (_what, key) => {
    expect((await publish(goodIntent(), key())).status).toBe(202)
  })

  it('gives the same answer to the same content', async () => {
    const key = randomUUID()
    const [first, second] = [await publish(goodIntent(), key), await publish(goodIntent(), key)]
    expect(second.status).toBe(202)
    expect(second.body.intentId).toBe(first.body.intentId)
    expect(second.headers.get('idempotent-replayed')).toBe('true')
  })

  it('gives the same intent to two that are under way at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const key = randomUUID()
      const answers = await Promise.all(Array.from({ length: 4 }, () => publish(goodIntent(), key)))
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202])
      expect(new Set(answers.map(({ body }) => body.intentId)).size).toBe(1)
    }
  })

  it('refuses other content with id_conflict, and records it', async () => {
    const key = randomUUID()
    await publish(goodIntent(), key)
    const other = JSON.stringify(goodIntent({ target: `postgres://warehouse/other-${marker}` }))
    const send = () => post(other, { 'idempotency-key': key })
    await expectRejection(running, { status: 409, code: 'id_conflict', recorded: true }, send)
  })

  it('refuses other content that is under way at once, and takes one of them', async () => {
    const key = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, at) => publish(goodIntent({ rationale: `asked by ${at}` }), key)),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409, 409, 409])
    expect(answers.flatMap(({ code }) => code ?? [])).toEqual(Array(3).fill('id_conflict'))
  })

  it('is each tenant’s own', async () => {
    const key = randomUUID()
    const first = await publish(goodIntent(), key)
    await running.call('/v1/agents', { token: running.tokens.replay, body: { name: 'etl-bot', kind: 'agent' } })
    const second = await publish(goodIntent(), key, running.tokens.replay)
    expect(second.status, second.text).toBe(202)
    expect(second.body.intentId).not.toBe(first.body.intentId)
  })
})

describe('what only looks bad is accepted as it is', () => {
  const accepted = async (over: Record<string, unknown>) => {
    const answer = await publish(goodIntent(over))
    expect(answer.status, answer.text).toBe(202)
    return answer.body
  }

  it.each([
    '$(id)',
    '{{7*7}}',
    '${jndi:ldap://x/a}',
    "' OR 1=1 --",
    '`reboot`',
    '<svg/onload=alert(1)>',
    '%s%n',
    '../../etc',
  ])('B047 %s in a parameter', async (text) => {
    await accepted({ parameters: { query: text, deep: [{ text }] }, rationale: text })
  })

  it.each([
    ['10,000 lines', Array.from({ length: 10_000 }, (_, at) => `l${at}`)],
    ['ANSI sequences', ['\u001b[2J\u001b[1A done', '\u001b]52;c;aGk=\u0007']],
    ['binary', ['\u0001\u0002\u007f\u0080\ufffd']],
  ])('B052 logs with %s', async (_what, logs) => {
    await accepted({ logs })
  })

  it('B046 no parameters at all', async () => {
    await accepted({ parameters: {} })
  })

  it('B028 names of methods as parameters', async () => {
    await accepted({ parameters: { toString: 1, hasOwnProperty: 2, then: 3, valueOf: { then: 4 } } })
  })

  it('B014 and B027 keys that differ only in case or normal form, or look like numbers, each bind on their own', async () => {
    const variants = [
      { a: 1, A: 2 },
      { a: 2, A: 1 },
      { é: 1 },
      { 'e\u0301': 1 },
      { 10: 'a', 9: 'b' },
      { 9: 'a', 10: 'b' },
    ]
    const intents = await Promise.all(variants.map((parameters) => accepted({ parameters })))
    for (const [at, parameters] of variants.entries()) {
      const intentId = intents[at]?.intentId ?? ''
      await running.client.awaitDecision(intentId, { waitMs: 10_000 })
      // The client recomputes the digest from these parameters; it redeems nothing that differs.
      const grant = await running.client.collect(intentId)
      const concrete = { action: 'data.read', target: goodIntent().target, environment: 'production', parameters }
      await expect(running.client.redeem(grant, concrete)).resolves.toMatchObject({ intentId })
    }
  })

  it('B034 an action that no policy knows: taken, then denied as unknown_action', async () => {
    const { intentId } = await accepted({ action: 'warp.engage' })
    const decided = await running.client.awaitDecision(intentId, { waitMs: 20_000 })
    expect(decided).toMatchObject({ state: 'denied', code: 'unknown_action' })
  })
})

describe('a sender that takes too long is cut off', () => {
  it('B017 a body of a byte a second: 408 request_timeout', async () => {
    const answer = raw(await slow.body)
    expect({ status: answer.status, code: JSON.parse(answer.text).code }).toEqual({
      status: 408,
      code: 'request_timeout',
    })
  }, 60_000)

  it('B021 a head of a line a second: 408 request_timeout', async () => {
    const answer = raw(await slow.headers)
    expect({ status: answer.status, code: JSON.parse(answer.text).code }).toEqual({
      status: 408,
      code: 'request_timeout',
    })
  }, 60_000)
})

const goodBodyOf = (size: number): string => JSON.stringify(goodIntent()).padEnd(size, ' ')

/** Resident memory of the product's process; 0 where the system does not tell. */
const residentBytes = async (): Promise<number> => {
  const { readFile } = await import('node:fs/promises')
  const status = await readFile(`/proc/${running.process.pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
}
