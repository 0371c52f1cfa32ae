import type { Outcome } from './gate.ts'
import type { Exchange, Reply, Send } from './send.ts'

/** Sends a request and reads the answer as JSON. */
export type Call = <Body>(exchange: Exchange) => Promise<Outcome<Body>>

const parse = (text: string): Record<string, unknown> => {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** What the answer says: a problem without what names only this one request, or its body. */
const outcomeOf = <Body>({ status, bytes }: Reply): Outcome<Body> => {
  const text = Buffer.from(bytes).toString('utf8')
  const body = parse(text)
  if (status < 300) return { accepted: true, value: body as Body, text }
  const { requestId: _ofThisRequest, ...problem } = body
  const code = typeof problem['code'] === 'string' ? problem['code'] : `status_${status}`
  return { accepted: false, code, text: JSON.stringify({ status, ...problem }) }
}

export const callOver =
  (send: Send): Call =>
  async <Body>(exchange: Exchange) =>
    outcomeOf<Body>(await send(exchange))
