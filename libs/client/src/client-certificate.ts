import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import { createSecureContext, TLSSocket } from 'node:tls'
import { ProofInvalid, Unreachable } from './errors.ts'

/** A certificate that the executor shows over mutual TLS (RFC 8705), with its private key, that stays with it; PEM. */
export type ClientCertificate = {
  /** Where the deployment takes certificates (`MTLS_PORT`), such as `https://127.0.0.1:7443`. Default: its base URL. */
  readonly url?: string | undefined
  /** With the certificates between it and its issuer, where there are any. */
  readonly cert: string | Buffer
  readonly key: string | Buffer
  /** Issuers that the deployment's own certificate may have. Default: those that Node knows. */
  readonly ca?: string | Buffer | undefined
}

/** An answer as it came. */
export type RawAnswer = { readonly status: number; readonly retryAfter: string | undefined; readonly text: string }

/** Sends one request. @throws Unreachable when nobody answers; the caller's reason when the caller gives up */
export type Send = (
  url: string,
  init: {
    readonly method: string
    readonly headers: Record<string, string>
    readonly body?: string
    /** Of the caller. */
    readonly signal?: AbortSignal | undefined
    readonly timeoutMs: number
  },
) => Promise<RawAnswer>

/** A base URL, so that a path can follow it. */
export const withoutSlash = (url: string): string => url.replace(/\/+$/, '')

const within = (signal: AbortSignal | undefined, timeoutMs: number): AbortSignal => {
  const timeout = AbortSignal.timeout(timeoutMs)
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout])
}

/** Sends without a certificate. A redirect is no answer: it would carry the token to whoever it names. */
export const overFetch: Send = async (url, { signal, timeoutMs, ...init }) => {
  try {
    const answer = await fetch(url, { ...init, redirect: 'error', signal: within(signal, timeoutMs) })
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after') ?? undefined,
      text: await answer.text(),
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw new Unreachable(`${new URL(url).origin} did not answer`, error)
  }
}

/**
 * Sends over connections on which the certificate is shown, TLS 1.3 only. A server whose own certificate cannot be trusted is
 * sent nothing. @throws TypeError at once for an address without TLS, or a certificate and key that do not belong together
 */
export const overMutualTls = (baseUrl: string, { url: at = baseUrl, cert, key, ca }: ClientCertificate): Send => {
  if (!URL.canParse(at) || new URL(at).protocol !== 'https:')
    throw new TypeError('a client certificate can only be shown at an https address')
  const agent = agentWith({ cert, key, ...(ca === undefined ? {} : { ca }) })
  const [plain, shown] = [withoutSlash(baseUrl), withoutSlash(at)]
  return async (url, { signal, timeoutMs, body, ...init }) => {
    const asking = request(`${shown}${url.slice(plain.length)}`, { ...init, agent, signal: within(signal, timeoutMs) })
    try {
      const answered = Promise.withResolvers<RawAnswer>()
      asking.once('error', answered.reject)
      asking.once('response', (response) => {
        const { statusCode: status = 0, headers } = response
        text(response).then(
          (read) => answered.resolve({ status, retryAfter: headers['retry-after'], text: read }),
          answered.reject,
        )
      })
      asking.end(body)
      const answer = await answered.promise
      if (answer.status >= 300 && answer.status < 400) throw new Error('it answered with a redirect')
      return answer
    } catch (error) {
      signal?.throwIfAborted()
      const { origin } = new URL(at)
      const distrust = asking.socket instanceof TLSSocket ? asking.socket.authorizationError : undefined
      if (distrust) throw new ProofInvalid(`the certificate of ${origin} cannot be trusted (${String(distrust)})`)
      throw new Unreachable(`${origin} did not answer`, error)
    }
  }
}

const agentWith = (options: Pick<ClientCertificate, 'cert' | 'key'> & { readonly ca?: string | Buffer }): Agent => {
  try {
    createSecureContext(options)
  } catch {
    throw new TypeError('the certificate and its key are not PEM, or do not belong together')
  }
  // Each connection proves the key anew: no session is kept.
  return new Agent({ ...options, keepAlive: true, minVersion: 'TLSv1.3', maxCachedSessions: 0 })
}
