import type { Problem } from '@countersign/contracts'
import type { TokenSource } from './access-token.ts'
import { CountersignRefused } from './errors.ts'

export type Call = {
  readonly method?: 'GET' | 'POST'
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal | undefined
}

export type Http = <Answer>(path: string, call?: Call) => Promise<Answer>

const asProblem = (value: unknown, status: number): Problem => {
  const problem = (typeof value === 'object' && value !== null ? value : {}) as Partial<Problem>
  return {
    ...problem,
    type: problem.type ?? 'about:blank',
    title: problem.title ?? `The service answered ${status}`,
    status,
    code: problem.code ?? 'unavailable',
  }
}

/** JSON over HTTP with a bearer token; a problem answer becomes `CountersignRefused`. */
export const http =
  (baseUrl: string, token: TokenSource): Http =>
  async <Answer>(path: string, { method = 'GET', body, headers = {}, signal }: Call = {}): Promise<Answer> => {
    const answer = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${await token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
    const text = await answer.text()
    let parsed: unknown
    try {
      parsed = text === '' ? undefined : JSON.parse(text)
    } catch {
      parsed = undefined
    }
    if (!answer.ok) throw new CountersignRefused(asProblem(parsed, answer.status))
    return parsed as Answer
  }
