import type { Exchange, Reply, Send } from './send.ts'

/**
 * What a broken gate would do, so that each guarantee is seen to fail: it stands between the checks and a gate that is in
 * order, and answers as one would in which this promise does not hold.
 */
export type SeededFault = {
  readonly guarantee: string
  /** What is broken, in words. */
  readonly what: string
  readonly seed: (send: Send) => Send
}

type Problem = Readonly<Record<string, unknown>>

const parsed = ({ bytes }: Reply): Problem => {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Problem
  } catch {
    return {}
  }
}

const json = (status: number, body: unknown): Reply => ({ status, bytes: Buffer.from(JSON.stringify(body)) })

/** What is sent to the paths of a method that a pattern matches. */
type Place = { readonly method: Exchange['method']; readonly path: RegExp }
const verdicts: Place = { method: 'POST', path: /^\/v1\/reviews\/[^/]+\/verdicts$/ }
const requests: Place = { method: 'POST', path: /^\/v1\/intents$/ }
const intent: Place = { method: 'GET', path: /^\/v1\/intents\/[^/]+$/ }
const collecting: Place = { method: 'POST', path: /^\/v1\/intents\/[^/]+\/grant$/ }
const using: Place = { method: 'POST', path: /^\/v1\/grants\/[^/]+\/redeem$/ }
const story: Place = { method: 'GET', path: /^\/v1\/intents\/[^/]+\/story$/ }
const reports: Place = { method: 'POST', path: /^\/v1\/executions$/ }
const freezing: Place = { method: 'POST', path: /^\/v1\/freezes$/ }
const proofs: Place = { method: 'GET', path: /^\/v1\/ledger\/[^/]+\/events\// }

const isAt = ({ method, path }: Exchange, place: Place): boolean => method === place.method && place.path.test(path)

/** Changes what is answered at a place. */
const changing =
  (place: Place, change: (reply: Reply, exchange: Exchange) => Reply) =>
  (send: Send): Send =>
  async (exchange) => {
    const reply = await send(exchange)
    return isAt(exchange, place) ? change(reply, exchange) : reply
  }

const someId = '00000000-0000-7000-8000-000000000000'
const receipt = () => ({ receiptId: crypto.randomUUID(), redemptionId: someId, grantId: someId, intentId: someId })
const grant = () => ({ grantId: someId, intentId: someId, token: 'let-in' })
const yes = () => ({ reviewId: someId, intentId: someId, state: 'approved' })

/** Accepts what is refused with one of the codes. */
const accepting = (place: Place, codes: readonly string[], status: number, body: () => unknown) =>
  changing(place, (reply) => (codes.includes(String(parsed(reply)['code'])) ? json(status, body()) : reply))
const counting = (...codes: readonly string[]) => accepting(verdicts, codes, 201, yes)
const running = (...codes: readonly string[]) => accepting(using, codes, 200, receipt)
const handingOut = (...codes: readonly string[]) => accepting(collecting, codes, 200, grant)

const unlike = (field: string): readonly string[] => ['binding_mismatch', `${field}_mismatch`]

/** Says that a denied request is allowed. */
const allowing = changing(intent, (reply) => {
  const body = parsed(reply)
  return body['state'] === 'denied' ? json(200, { ...body, state: 'allowed' }) : reply
})

/** Forgets every refusal. */
const forgetting = changing(story, (reply) => {
  const { steps = [], ...rest } = parsed(reply) as { steps?: readonly { event: string }[] }
  return json(reply.status, { ...rest, steps: steps.filter(({ event }) => !/Refused|TooLate/.test(event)) })
})

/** Each use is taken for a new one. */
const receiptsAnew = changing(using, (reply) =>
  reply.status === 200 ? json(200, { ...parsed(reply), receiptId: crypto.randomUUID() }) : reply,
)

/** Another hash in each proof. */
const otherHash = changing(proofs, (reply) => {
  const body = parsed(reply)
  const proof = String(body['proof'])
    .split('\n')
    .map((line) => (/^[A-Za-z0-9+/]{43}=$/.test(line) ? `${Buffer.alloc(32, 1).toString('base64')}` : line))
    .join('\n')
  return reply.status === 200 ? json(200, { ...body, proof }) : reply
})

/** One key gives one request, whatever is asked under it. */
const oldAnswer = (send: Send): Send => {
  const first = new Map<string, Reply>()
  return async (exchange) => {
    const reply = await send(exchange)
    const key = exchange.headers?.['idempotency-key']
    if (key === undefined || !isAt(exchange, requests)) return reply
    const before = first.get(key)
    if (before === undefined) first.set(key, reply)
    return reply.status < 300 ? reply : (before ?? reply)
  }
}

/** Tells who may not see something that it is there. */
const telling = changing(intent, (reply) => {
  const { code } = parsed(reply)
  // An id that ends like this is the one that does not exist.
  return code === 'unknown_intent' ? json(403, { code: 'not_allowed', instance: crypto.randomUUID() }) : reply
})

/** Says what came in when it says no. */
const echoing = changing(using, (reply, { body = {} }) =>
  reply.status >= 400 ? json(reply.status, { ...parsed(reply), detail: JSON.stringify(body['parameters']) }) : reply,
)

/** One fault or more for each guarantee. */
export const faults: readonly SeededFault[] = [
  {
    guarantee: 'G01',
    what: 'people approve what is asked for them',
    seed: counting('self_approval', 'in_delegation_chain'),
  },
  { guarantee: 'G02', what: 'owners approve for their agents', seed: counting('owner_of_agent') },
  { guarantee: 'G03', what: 'the chain is not looked at', seed: counting('in_delegation_chain', 'self_approval') },
  { guarantee: 'G04', what: 'one person counts twice', seed: counting('already_voted') },
  { guarantee: 'G05', what: 'everybody decides', seed: counting('not_eligible') },
  { guarantee: 'G06', what: 'agents decide', seed: counting('not_human') },
  { guarantee: 'G07', what: 'parameters are not compared', seed: running(...unlike('parameters')) },
  { guarantee: 'G08', what: 'the target is not compared', seed: running(...unlike('target')) },
  { guarantee: 'G09', what: 'the environment is not compared', seed: running(...unlike('environment')) },
  { guarantee: 'G10', what: 'the action is not compared', seed: running(...unlike('action')) },
  { guarantee: 'G11', what: 'the card is not compared', seed: counting('card_stale') },
  { guarantee: 'G12', what: 'grants can be used again', seed: running('already_redeemed') },
  { guarantee: 'G13', what: 'racing uses all succeed', seed: running('already_redeemed') },
  { guarantee: 'G14', what: 'a use that is sent again is another use', seed: receiptsAnew },
  { guarantee: 'G15', what: 'grants have no end', seed: running('grant_expired') },
  { guarantee: 'G16', what: 'anybody uses a grant', seed: running('wrong_executor', 'unknown_grant') },
  {
    guarantee: 'G17',
    what: 'any grant opens any request',
    seed: running(
      'unknown_grant',
      'wrong_executor',
      'token_invalid',
      'grant_mismatch',
      'intent_mismatch',
      'binding_mismatch',
    ),
  },
  { guarantee: 'G18', what: 'revoked grants are used', seed: running('grant_revoked') },
  { guarantee: 'G19', what: 'grants are handed out before the decision', seed: handingOut('not_decided') },
  { guarantee: 'G20', what: 'a yes undoes a no', seed: counting('review_closed') },
  { guarantee: 'G20', what: 'denied requests get a grant', seed: handingOut('intent_denied') },
  { guarantee: 'G21', what: 'late answers count', seed: counting('review_closed') },
  { guarantee: 'G21', what: 'late answers are not recorded', seed: forgetting },
  {
    guarantee: 'G22',
    what: 'every answer of many decides',
    seed: counting('review_closed', 'already_voted', 'seat_taken'),
  },
  {
    guarantee: 'G22',
    what: 'who comes second gets an error',
    seed: changing(verdicts, (reply) => (reply.status === 409 ? json(500, { code: 'internal_error' }) : reply)),
  },
  { guarantee: 'G23', what: 'withdrawn requests get a grant', seed: handingOut('intent_withdrawn') },
  { guarantee: 'G24', what: 'a yes counts after the deadline', seed: counting('review_expired', 'review_closed') },
  { guarantee: 'G25', what: 'a freeze does not reach grants that are out', seed: running('frozen') },
  {
    guarantee: 'G26',
    what: 'agents freeze',
    seed: accepting(freezing, ['not_human', 'not_allowed'], 201, () => ({ freezeId: someId })),
  },
  { guarantee: 'G27', what: 'what no rule names is allowed', seed: allowing },
  { guarantee: 'G28', what: 'what is forbidden is allowed', seed: allowing },
  {
    guarantee: 'G29',
    what: 'fields that are not known are ignored',
    seed: accepting(requests, ['unknown_field', 'invalid_request'], 202, () => ({ intentId: someId })),
  },
  { guarantee: 'G30', what: 'another request under a key gets the old answer', seed: oldAnswer },
  {
    guarantee: 'G31',
    what: 'anybody asks in the name of an agent',
    seed: accepting(requests, ['agent_not_yours', 'unknown_producer'], 202, () => ({ intentId: someId })),
  },
  {
    guarantee: 'G32',
    what: 'forged credentials are believed',
    seed: accepting(requests, ['token_invalid'], 202, () => ({ intentId: someId })),
  },
  {
    guarantee: 'G32',
    what: 'who shows nothing is somebody',
    seed: accepting(requests, ['token_missing'], 202, () => ({ intentId: someId })),
  },
  { guarantee: 'G33', what: 'refusals are not recorded', seed: forgetting },
  { guarantee: 'G34', what: 'proofs hold another hash', seed: otherHash },
  { guarantee: 'G35', what: 'what exists is told from what does not', seed: telling },
  {
    guarantee: 'G35',
    what: 'another tenant may read',
    seed: accepting(intent, ['unknown_intent'], 200, () => ({ state: 'in_review' })),
  },
  { guarantee: 'G36', what: 'refusals repeat what came in', seed: echoing },
  {
    guarantee: 'G37',
    what: 'runs without a used grant are taken',
    seed: accepting(reports, ['not_redeemed'], 202, () => ({})),
  },
]
