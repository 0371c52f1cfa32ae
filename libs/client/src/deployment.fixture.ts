import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type {
  GrantView,
  IntentView,
  PublishIntentBody,
  RedeemGrantBody,
  ReportExecutionBody,
} from '@countersign/contracts'
import { actionDifference } from '@countersign/intent'
import { actionDigest, parametersCommitment, type JsonObject } from '@countersign/redaction'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** What a test can bend; each is asked when it is needed. */
export type Conduct = {
  /** State that reading an intent shows, by the how-manieth read. */
  decision: (read: number) => Partial<IntentView>
  /** Changes the claims of a receipt before they are signed. */
  claims: (claims: Record<string, string>) => Record<string, string>
  receiptType: string
  /** Signs receipts with a key that is not published. */
  signsWithForeignKey: boolean
  /** Changes a grant before it is sent. */
  grant: (grant: GrantView) => GrantView
  /** Answers instead, by path; the connection is cut when it says so. */
  instead: (path: string, times: number) => { status: number; code: string; retryAfter?: string } | 'cut' | undefined
}

export const honest: Conduct = {
  decision: () => ({ state: 'allowed' }),
  claims: (claims) => claims,
  receiptType: 'countersign-receipt+jwt',
  signsWithForeignKey: false,
  grant: (grant) => grant,
  instead: () => undefined,
}

type Stored = {
  body: PublishIntentBody
  view: IntentView
  binding: GrantView['binding']
  reads: number
  redeemedBy?: string
}

/**
 * A deployment with the answers that intake gives: idempotent publishing, one grant, one redemption compared with what was
 * published, receipts signed with Ed25519 under published keys. It is its own issuer of tokens, and takes any.
 */
export const startDeployment = async (conduct: Conduct = honest) => {
  const own = await generateKeyPair('Ed25519')
  const foreign = await generateKeyPair('Ed25519')
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'EdDSA', use: 'sig' }
  const intents = new Map<string, Stored>()
  const byKey = new Map<string, string>()
  const reports: ReportExecutionBody[] = []
  const seen = new Map<string, number>()
  const requests: string[] = []

  const publish = (body: PublishIntentBody, key: string): IntentView => {
    const known = intents.get(byKey.get(key) ?? '')
    if (known) return known.view
    const intentId = randomUUID()
    const salt = randomBytes(32).toString('base64url')
    const ids = { tenant: randomUUID(), agent: randomUUID(), executor: randomUUID(), onBehalfOf: null }
    const { action, target, environment } = body
    const bound = { bindingVersion: 1 as const, intentId, ...ids, action, target, environment }
    const digest = actionDigest({
      ...bound,
      parametersCommitment: parametersCommitment(salt, body.parameters as JsonObject),
      preconditions: body.preconditions ?? null,
    })
    const view: IntentView = {
      intentId,
      state: 'published',
      action,
      target,
      environment,
      actionDigest: digest,
      bindingVersion: 1,
      deadline: new Date(Date.now() + 60_000).toISOString(),
      publishedAt: new Date().toISOString(),
      rules: [],
      reasons: [],
    }
    intents.set(intentId, { body, view, binding: { ...bound, salt }, reads: 0 })
    byKey.set(key, intentId)
    return view
  }

  const grantOf = ({ view, binding }: Stored): GrantView => ({
    grantId: view.intentId.replace(/^./, 'f'),
    intentId: view.intentId,
    actionDigest: view.actionDigest,
    expiresAt: view.deadline,
    token: 'grant-token',
    binding,
  })

  const redeem = async (stored: Stored, body: RedeemGrantBody): Promise<[number, unknown]> => {
    const { action, target, environment, parameters, preconditions } = stored.body
    const difference = actionDifference(
      { action, target, environment, parameters: parameters as JsonObject, preconditions: preconditions ?? {} },
      {
        action: body.action,
        target: body.target,
        environment: body.environment,
        parameters: body.parameters as JsonObject,
        preconditions: body.preconditions ?? {},
      },
    )
    if (difference !== undefined) return [409, { ...difference, title: 'Another action' }]
    if (stored.redeemedBy !== undefined && stored.redeemedBy !== body.redemptionId)
      return [409, { code: 'already_redeemed', title: 'Used' }]
    stored.redeemedBy = body.redemptionId
    const { grantId, intentId, actionDigest: digest } = grantOf(stored)
    const receiptId = randomUUID()
    const claims = conduct.claims({
      jti: receiptId,
      grant_id: grantId,
      intent_id: intentId,
      redemption_id: body.redemptionId,
      action_digest: digest,
    })
    const receipt = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', typ: conduct.receiptType, kid: 'k1' })
      .setIssuedAt()
      .sign(conduct.signsWithForeignKey ? foreign.privateKey : own.privateKey)
    const at = new Date().toISOString()
    const { redemptionId } = body
    return [
      200,
      { receiptId, redemptionId, grantId, intentId, actionDigest: digest, redeemedAt: at, reportBefore: at, receipt },
    ]
  }

  const route = async (path: string, body: unknown, key: string): Promise<[number, unknown]> => {
    if (path === '/.well-known/openid-configuration') return [200, { token_endpoint: `${origin()}/token` }]
    if (path === '/token') return [200, { access_token: 'a-token', expires_in: 3600 }]
    if (path === '/.well-known/jwks.json') return [200, { keys: [jwk] }]
    if (path === '/v1/intents') return [202, publish(body as PublishIntentBody, key)]
    if (path === '/v1/executions') {
      reports.push(body as ReportExecutionBody)
      return [202, {}]
    }
    const [, kind, id = '', step] = /^\/v1\/(intents|grants)\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? []
    const stored = [...intents.values()].find(({ view }) => view.intentId.slice(1) === id.slice(1))
    if (stored === undefined) return [404, { code: 'unknown_intent', title: 'No such intent' }]
    if (kind === 'grants' && step === 'redeem') return redeem(stored, body as RedeemGrantBody)
    if (step === 'grant') return [200, conduct.grant(grantOf(stored))]
    stored.reads += 1
    return [200, { ...stored.view, ...conduct.decision(stored.reads) }]
  }

  const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const server = createServer((request, response) => void answer(request, response))
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const times = (seen.get(path) ?? 0) + 1
    seen.set(path, times)
    requests.push(`${request.method} ${path}`)
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const instead = conduct.instead(path, times)
    if (instead === 'cut') {
      request.socket.destroy()
      return
    }
    const key = request.headers['idempotency-key']
    const [status, value] = instead
      ? [instead.status, { code: instead.code, title: 'Instead' }]
      : await route(path, text.startsWith('{') ? JSON.parse(text) : undefined, typeof key === 'string' ? key : '')
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(instead?.status === 307 ? { location: '/elsewhere' } : {}),
      ...(instead?.retryAfter === undefined ? {} : { 'retry-after': instead.retryAfter }),
    })
    response.end(JSON.stringify(value))
  }
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: origin(),
    reports,
    requests,
    /** Bodies that were published. */
    bodies: () => [...intents.values()].map(({ body }) => body),
    /** How many intents were stored. */
    published: () => intents.size,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
