/** An answer of the product, read to its end. */
export type Answer<Body = Record<string, unknown>> = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed when it is JSON, else an empty object. */
  readonly body: Body
  /** The stable code of a refusal. */
  readonly code: string | undefined
}

export type CallOptions = {
  readonly method?: string
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const parse = (text: string): Record<string, unknown> => {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** One request with a JSON body; refusals are answers like any other. POST when there is a body. */
export const call = async <Body = Record<string, unknown>>(
  url: string,
  { method, token, body, headers = {} }: CallOptions = {},
): Promise<Answer<Body>> => {
  const answer = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'error',
    signal: AbortSignal.timeout(40_000),
  })
  const text = await answer.text()
  const parsed = parse(text)
  const { code } = parsed
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: parsed as Body,
    code: typeof code === 'string' ? code : undefined,
  }
}
