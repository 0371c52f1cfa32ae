import type { Problem } from '@countersign/contracts'
import type { TokenSource } from './access-token.ts'
import { overFetch, type RawAnswer, type Send, withoutSlash } from './client-certificate.ts'
import { CountersignRefused } from './errors.ts'
import { type ExecutorKey, proveKey } from './executor-key.ts'

export type Call = {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: unknown
  readonly headers?: Record<string, string>
  /** Proves this key with the request, anew each time that it is sent. */
  readonly key?: ExecutorKey | undefined
  readonly signal?: AbortSignal | undefined
  /** How long the whole answer may take, ms; 15 s if absent. */
  readonly timeoutMs?: number
}

export type Http = <Answer>(path: string, call?: Call) => Promise<Answer>

const patienceMs = 15_000

/**
 * JSON over HTTP with a bearer token. A problem answer becomes `CountersignRefused`, no answer `Unreachable`; an abort by
 * the caller is passed on as it came.
 */
export const http =
  (baseUrl: string, token: TokenSource, send: Send = overFetch): Http =>
  async <Answer>(path: string, call: Call = {}): Promise<Answer> => {
    const { method = 'GET', body, headers = {}, key, signal, timeoutMs = patienceMs } = call
    const bearer = await token()
    const url = `${withoutSlash(baseUrl)}${path}`
    const answer = await send(url, {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { dpop: await proveKey(key, { method, url, accessToken: bearer }) }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
      timeoutMs,
    })
    const parsed = parse(answer.text)
    if (answer.status < 200 || answer.status > 299) throw refusalIn(parsed, answer)
    return parsed as Answer
  }

const parse = (text: string): unknown => {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const refusalIn = (parsed: unknown, { status, retryAfter }: RawAnswer): CountersignRefused => {
  const problem = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Partial<Problem>
  const seconds = Number(retryAfter ?? Number.NaN)
  return new CountersignRefused({
    title: problem.title ?? `The service answered ${status}`,
    status,
    code: problem.code ?? 'unavailable',
    next: problem.next,
    pointer: problem.pointer,
    rules: problem.rules,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
  })
}
