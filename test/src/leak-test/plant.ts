import { randomUUID } from 'node:crypto'
import type { Answer, CallOptions } from '../instance/call.ts'
import { until } from '../instance/until.ts'
import type { Running } from '../running.ts'
import { concreteOf, decide, exportIntent, inReview, readIntent, type Reviewed, settled } from '../stories.ts'
import { type Canaries, kindNames } from './canaries.ts'
import type { Surface } from './search.ts'

export type Planted = {
  readonly intentIds: readonly string[]
  readonly reviewIds: readonly string[]
  /** Every answer that a planting request got, whole. */
  readonly answers: readonly Surface[]
  /** Places that the product took, and those that it refused. */
  readonly accepted: number
  readonly refused: number
}

const nested = (depth: number, value: unknown): Record<string, unknown> =>
  depth === 0 ? { value } : { inner: nested(depth - 1, value) }

/** A customer export whose sealed parts are full of secrets, of every kind, as they are pasted. */
const plainSecrets = (canaries: Canaries) =>
  exportIntent({
    target: 's3://partner-eu/plain',
    parameters: {
      ...Object.fromEntries(kindNames.map((kind) => [kind, canaries.plant(`parameter with a ${kind} secret`, kind)])),
      card: canaries.plantCard('parameter with a card number'),
      hexKey: canaries.plantHexKey('parameter with a hex key'),
    },
    preconditions: { etag: canaries.plant('precondition') },
    rationale: `The vendor gave us ${canaries.plant('rationale', 'github')} and ${canaries.plant('rationale, later', 'password')}.`,
    logs: [
      `curl -H "${canaries.plant('log line with a header', 'authorization')}" https://api.example.com`,
      canaries.plant('log line with a private key', 'privateKey'),
      `retry against ${canaries.plant('log line with a URL', 'databaseUrl')}`,
      `\u001b[31m${canaries.plant('log line with colours', 'vault')}\u001b[0m`,
    ],
  })

/** The same in the places and encodings where a rule is easily blind. */
const hiddenSecrets = (canaries: Canaries) => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const percent = (text: string): string =>
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  return exportIntent({
    target: 's3://partner-eu/hidden',
    parameters: {
      deep: nested(10, canaries.plant('parameter ten levels down', 'stripe')),
      list: [[canaries.plant('parameter in a list of lists', 'npm')]],
      [canaries.plant('key of a parameter', 'gitlab')]: 1,
      base64: base64(canaries.plant('parameter in Base64', 'anthropic')),
      hex: Buffer.from(canaries.plant('parameter in hex', 'openai')).toString('hex'),
      percent: percent(canaries.plant('parameter percent-encoded', 'slack')),
      late: `${'a '.repeat(3_900)}${canaries.plant('parameter after 7,800 characters', 'google')}`,
      client_secret: canaries.plant('parameter named client_secret', 'webhook'),
      json: JSON.stringify({ password: canaries.plant('JSON in a parameter', 'password') }),
    },
    rationale: `${'because '.repeat(400)}${canaries.plant('rationale after 3,200 characters', 'jwt')} ${base64(canaries.plant('rationale in Base64', 'github'))}`,
    logs: [
      ...Array<string>(400).fill('ok'),
      canaries.plant('last of 401 log lines', 'awsSecret'),
      canaries.plant('log line with an AWS id', 'awsId'),
    ],
  })
}

/** Plants secrets in every text that anybody can send, and lives a whole life with them: reviewed, redeemed, reported. */
export const plantEverywhere = async (running: Running, canaries: Canaries): Promise<Planted> => {
  const { agent, ben, dana } = running.tokens
  const answers: Surface[] = []
  let [accepted, refused] = [0, 0]
  const keep = (what: string, answer: Answer): Answer => {
    answers.push({
      name: `answer to ${what}`,
      bytes: Buffer.from(`${JSON.stringify([...answer.headers])}\n${answer.text}`),
    })
    if (answer.status < 300) accepted += 1
    else refused += 1
    return answer
  }
  const send = async (what: string, path: string, options: CallOptions): Promise<Answer> =>
    keep(what, await running.call(path, options))
  const plant = (place: string, kind?: string): string => canaries.plant(place, kind)
  const key = () => ({ 'idempotency-key': randomUUID() })
  const publish = (place: string, over: (secret: string) => Record<string, unknown>, kind?: string) => {
    const body = { ...readIntent(), ...over(plant(place, kind)) }
    return send(place, '/v1/intents', { token: agent, body, headers: key() })
  }

  const reviewed: Reviewed[] = []
  for (const body of [plainSecrets(canaries), hiddenSecrets(canaries)]) reviewed.push(await inReview(running, body))
  const [plain, hidden] = reviewed as [Reviewed, Reviewed]
  const denied = await inReview(running, exportIntent({ target: 's3://partner-eu/denied' }))
  accepted += 3

  // What people say.
  keep(
    'the owner',
    await decide(running, dana, plain.reviewId, {
      verdict: 'approve',
      reason: plant('reason of a refused yes', 'stripe'),
    }),
  )
  keep(
    'a yes',
    await decide(running, ben, plain.reviewId, { verdict: 'approve', reason: plant('reason of a yes', 'github') }),
  )
  keep(
    'a no',
    await decide(running, ben, denied.reviewId, { verdict: 'deny', reason: plant('reason of a no', 'vault') }),
  )
  const ben_ = running.credentials.people['ben']?.slackUser ?? ''
  const card = await running.slack.cardWith('s3://partner-eu/hidden')
  await running.slack.click(card, /^(approve|deny)/i, ben_)
  await running.slack.submit(ben_, { reason: plant('reason in Slack', 'anthropic') })

  // What an executor sends.
  const grant = await running.client.collect(plain.intentId)
  const path = `/v1/grants/${grant.grantId}/redeem`
  const redemption = {
    token: grant.token,
    redemptionId: randomUUID(),
    ...concreteOf(plain.body),
    preconditions: plain.body.preconditions,
  }
  const swapped = {
    ...redemption,
    parameters: { ...redemption.parameters, github: plant('parameter swapped when redeeming', 'npm') },
  }
  await send('a swapped parameter', path, { token: agent, body: swapped })
  await send('a changed grant token', path, {
    token: agent,
    body: { ...redemption, token: plant('token of a grant', 'jwt') },
  })
  const redeemed = await send('a redemption', path, { token: agent, body: redemption })
  if (redeemed.status !== 200) throw new Error(`the planted intent was not redeemed: ${redeemed.text}`)
  const ids = { grantId: grant.grantId, executionId: randomUUID() }
  await send('output in a report', '/v1/executions', {
    token: agent,
    body: { ...ids, outcome: 'succeeded', output: plant('output in a report', 'slack') },
  })
  await send('code of a report', '/v1/executions', {
    token: agent,
    body: { ...ids, outcome: 'failed', code: plant('code of a report', 'password') },
  })
  await send('a report', '/v1/executions', { token: agent, body: { ...ids, outcome: 'succeeded' } })

  // Clear fields of an intent.
  await publish('target', (target) => ({ target }), 'github')
  await publish('target with a password', (target) => ({ target }), 'databaseUrl')
  await publish('environment', (environment) => ({ environment }))
  await publish('action', (action) => ({ action: `data.${action}` }))
  await publish('agent name', (name) => ({ agent: { name } }))
  await publish('session', (session) => ({ agent: { name: 'etl-bot', session } }), 'openai')
  await publish('model name', (name) => ({ agent: { name: 'etl-bot', model: { name } } }), 'google')
  await publish('model version', (version) => ({ agent: { name: 'etl-bot', model: { name: 'm', version } } }), 'jwt')
  await publish('data class', (name) => ({ impact: { dataClasses: [name] } }), 'webhook')
  await publish('prompt digest', (promptDigest) => ({ promptDigest }))
  await publish('deadline', (deadline) => ({ deadline }))
  await publish(
    'person acted for',
    (subject) => ({ onBehalfOf: { issuer: running.credentials.issuer, subject } }),
    'stripe',
  )
  await publish(
    'issuer of the person acted for',
    (issuer) => ({ onBehalfOf: { issuer: `https://x:${issuer}@idp.example`, subject: 'x' } }),
    'gitlab',
  )
  await publish('executor', (clientId) => ({ executor: { clientId } }), 'gitlab')
  await publish('name of an unknown field', (name) => ({ [name]: 1 }))
  await publish('value of an unknown field', (value) => ({ note: value }))
  await publish('field of a wrong type', (value) => ({ rationale: { text: value } }))
  await publish('parameters that are too large', (value) => ({
    parameters: { value, more: Array(5).fill('a'.repeat(8_000)) },
  }))

  // What is no good request at all.
  const raw = async (
    place: string,
    body: (secret: string) => string,
    headers: (secret: string) => Record<string, string> = () => ({}),
  ) => {
    const secret = plant(place)
    const answer = await fetch(`${running.baseUrl}/v1/intents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${agent}`, 'content-type': 'application/json', ...key(), ...headers(secret) },
      body: body(secret),
    })
    const text = await answer.text()
    keep(place, { status: answer.status, headers: answer.headers, text, body: {}, code: undefined })
  }
  const good = JSON.stringify(readIntent())
  await raw('JSON that breaks off', (secret) => `${good.slice(0, -1)},"note":"${secret}`)
  await raw('key that comes twice', (secret) => `{"${secret}":1,"${secret}":2}`)
  await raw(
    'body of another content type',
    (secret) => secret,
    () => ({ 'content-type': 'text/plain' }),
  )
  await raw(
    'idempotency key',
    () => good,
    (secret) => ({ 'idempotency-key': secret.replaceAll(/\s/g, '') }),
  )
  await raw(
    'idempotency key of a refused request',
    () => '{}',
    (secret) => ({ 'idempotency-key': secret.replaceAll(/\s/g, '') }),
  )
  for (const name of [
    'user-agent',
    'x-request-id',
    'referer',
    'cookie',
    'traceparent',
    'tracestate',
    'baggage',
    'x-forwarded-for',
    'accept-language',
  ]) {
    await raw(
      `header ${name}`,
      () => good,
      (secret) => ({ [name]: secret.replaceAll(/\s+/g, '-') }),
    )
  }

  // Addresses, tokens and everybody else's requests.
  const inPath = (place: string) => encodeURIComponent(plant(place))
  await send('a path', `/v1/${inPath('path')}`, { token: agent })
  await send('an id', `/v1/intents/${inPath('id in a path')}`, { token: agent })
  await send('a query', `/v1/reviews?q=${inPath('query')}`, { token: ben })
  await send('a query name', `/v1/audit?${inPath('name of a query parameter')}=1`, { token: ben })
  await send('a cursor', `/v1/audit?after=${inPath('cursor').slice(0, 60)}`, { token: ben })
  await send('a lineage key', `/v1/lineage/agent?key=${inPath('key of a lineage node')}`, { token: ben })
  await send('a lineage cursor', `/v1/lineage/agent/etl-bot?after=${inPath('cursor of a walk')}`, { token: ben })
  await send('a bearer token', '/v1/reviews', { token: plant('bearer token', 'github') })
  await send('a verdict', `/v1/reviews/${hidden.reviewId}/verdicts`, {
    token: ben,
    body: { verdict: plant('verdict'), presentationDigest: 'x' },
  })
  await send('a freeze', '/v1/freezes', {
    token: ben,
    body: { scope: { kind: 'agent', agent: plant('scope of a freeze', 'openai').toLowerCase() } },
  })
  await send('an agent', '/v1/agents', {
    token: agent,
    body: { name: plant('name of a new agent', 'anthropic').toLowerCase(), kind: 'agent' },
  })
  await send('a person', '/v1/directory/people', {
    token: ben,
    body: { issuer: running.credentials.issuer, subject: 'new', displayName: plant('name of a person', 'stripe') },
  })
  const form = new URLSearchParams({
    payload: JSON.stringify({ type: 'block_actions', text: plant('forged Slack callback') }),
  })
  const callback = await fetch(`${running.baseUrl}/callbacks/slack`, { method: 'POST', body: form })
  keep('a forged callback', {
    status: callback.status,
    headers: callback.headers,
    text: await callback.text(),
    body: {},
    code: undefined,
  })

  // The life of all that goes on: an allowed intent is decided, cards change, rows and entries are written.
  const last = await settled(running, readIntent({ parameters: { note: plant('parameter of a read', 'vault') } }))
  await until(async () => (await lagOf(running)) === 0, { what: 'the end of every log', withinMs: 60_000 })
  return {
    intentIds: [plain.intentId, hidden.intentId, denied.intentId, last.intentId],
    reviewIds: [plain.reviewId, hidden.reviewId, denied.reviewId],
    answers,
    accepted: accepted + 1,
    refused,
  }
}

/** Records and events that some consumer has not taken yet. */
const lagOf = async ({ superuser }: Running): Promise<number> => {
  const { rows } = await superuser.query<{ behind: string }>(
    `select (select count(*) from bus.progress p join bus.log l using (topic) where (l.xid, l.position) > (p.xid, p.position))
          + (select count(*) from countersign.event e where not exists (select from ledger.entry n where n.event_id = e.event_id))
       as behind`,
  )
  return Number(rows[0]?.behind)
}
