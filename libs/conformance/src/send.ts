import type { Credential } from './gate.ts'

/** A request to the gate. */
export type Exchange = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Begins with a slash. */
  readonly path: string
  readonly as: Credential
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, unknown>>
}

export type Reply = { readonly status: number; readonly bytes: Uint8Array }

/** Sends a request and resolves with whatever was answered; rejects when nothing was. */
export type Send = (exchange: Exchange) => Promise<Reply>

const patienceMs = 8_000

/** Sends over HTTP to a deployment. Redirects are not followed: one would carry the credential to whoever it names. */
export const sendTo =
  (baseUrl: string): Send =>
  async ({ method, path, as, headers = {}, body }) => {
    const answer = await fetch(`${baseUrl.replace(/\/+$/, '')}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(patienceMs),
    })
    return { status: answer.status, bytes: new Uint8Array(await answer.arrayBuffer()) }
  }
