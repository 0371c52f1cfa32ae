import type { Problem } from '@countersign/contracts'
import type { TokenSource } from './access-token.ts'
import { CountersignRefused, Unreachable } from './errors.ts'
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
  (baseUrl: string, token: TokenSource): Http =>
  async <Answer>(path: string, call: Call = {}): Promise<Answer> => {
    const { method = 'GET', body, headers = {}, key, signal, timeoutMs = patienceMs } = call
    const bearer = await token()
    const url = `${baseUrl.replace(/\/+$/, '')}${path}`
    const timeout = AbortSignal.timeout(timeoutMs)
    const { answer, text } = await ask(url, signal, {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { dpop: await proveKey(key, { method, url, accessToken: bearer }) }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A redirect would carry the token to whoever it names.
      redirect: 'error',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    const parsed = parse(text)
    if (!answer.ok) throw refusalIn(parsed, answer)
    return parsed as Answer
  }

const ask = async (
  url: string,
  signal: AbortSignal | undefined,
  init: RequestInit,
): Promise<{ answer: Response; text: string }> => {
  try {
    const answer = await fetch(url, init)
    return { answer, text: await answer.text() }
  } catch (error) {
    signal?.throwIfAborted()
    throw new Unreachable(`${new URL(url).origin} did not answer`, error)
  }
}

const parse = (text: string): unknown => {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const refusalIn = (parsed: unknown, answer: Response): CountersignRefused => {
  const problem = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Partial<Problem>
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN)
  return new CountersignRefused({
    title: problem.title ?? `The service answered ${answer.status}`,
    status: answer.status,
    code: problem.code ?? 'unavailable',
    next: problem.next,
    pointer: problem.pointer,
    rules: problem.rules,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
  })
}
