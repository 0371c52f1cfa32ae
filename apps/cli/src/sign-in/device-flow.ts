import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { exitCodes, Failure } from '../exit-codes.ts'

/** What a person has to do to let this machine in. */
export type Invitation = { readonly url: string; readonly code: string }

export type SignedIn = { readonly token: string; readonly expiresAt: number }

type DeviceAnswer = {
  error?: string
  device_code: string
  user_code: string
  verification_uri: string
  verification_uri_complete?: string
  expires_in: number
  interval?: number
}
type TokenAnswer = { access_token?: string; expires_in?: number; error?: string }

const patienceMs = 10_000

/**
 * Signs a person in by the device flow (RFC 8628): `invite` is told where to go and what to type, then the provider is asked
 * until the person is done. With PKCE (RFC 7636), which Keycloak wants of a device as well where a client demands it; others pass
 * over what they do not know. @throws Failure when the person declines or does not come in time
 */
export const signInByDevice = async (
  client: { readonly issuer: string; readonly clientId: string; readonly audience: string },
  invite: (invitation: Invitation) => void,
  pause: (ms: number) => Promise<unknown> = delay,
): Promise<SignedIn> => {
  const { issuer, clientId, audience } = client
  const discovered = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(patienceMs),
  })
  const endpoints = (await discovered.json()) as { device_authorization_endpoint?: string; token_endpoint: string }
  if (endpoints.device_authorization_endpoint === undefined) {
    throw new Failure('the identity provider has no device flow', {
      next: 'Ask for a token there and send it yourself.',
    })
  }
  const verifier = randomBytes(32).toString('base64url')
  const device = await post<DeviceAnswer>(endpoints.device_authorization_endpoint, {
    client_id: clientId,
    scope: 'openid',
    resource: audience,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  if (typeof device.device_code !== 'string') {
    throw new Failure('the identity provider refused this client', { why: device.error })
  }
  invite({ url: device.verification_uri_complete ?? device.verification_uri, code: device.user_code })

  const until = Date.now() + device.expires_in * 1_000
  let intervalMs = (device.interval ?? 5) * 1_000
  while (Date.now() < until) {
    await pause(intervalMs)
    const answer = await post<TokenAnswer>(endpoints.token_endpoint, {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      client_id: clientId,
      device_code: device.device_code,
      resource: audience,
      code_verifier: verifier,
    })
    if (answer.access_token !== undefined) {
      return { token: answer.access_token, expiresAt: Date.now() + (answer.expires_in ?? 300) * 1_000 }
    }
    if (answer.error === 'slow_down') intervalMs += 5_000
    else if (answer.error !== 'authorization_pending') {
      throw new Failure(`sign-in ended: ${answer.error ?? 'no token'}`, { exitCode: exitCodes.refused })
    }
  }
  throw new Failure('nobody signed in in time', { next: 'Run countersign login again.', exitCode: exitCodes.pending })
}

const post = async <Answer>(url: string, fields: Record<string, string>): Promise<Answer> => {
  const answer = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams(fields),
    signal: AbortSignal.timeout(patienceMs),
  })
  return (await answer.json()) as Answer
}
