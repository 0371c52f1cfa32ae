import {
  Agent,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { problemContentType, problemOf } from '@countersign/service-kit'

/** Headers that belong to one connection (RFC 9110 §7.6.1), beside those that `Connection` names. */
const ofTheConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Headers as they came, in order and with every repetition, without those of the connection. */
const passedOn = (rawHeaders: readonly string[], more: ReadonlySet<string> = new Set()): string[] => {
  const pairs = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), rawHeaders[at + 1] ?? '']] : []))
  const named = pairs
    .filter(([name]) => name === 'connection')
    .flatMap(([, value = '']) =>
      value
        .toLowerCase()
        .split(',')
        .map((each) => each.trim()),
    )
  const dropped = new Set([...ofTheConnection, ...more, ...named])
  return pairs.flatMap(([name = '', value = '']) => (dropped.has(name) ? [] : [name, value]))
}

/** Node has answered it already. */
const expectation = new Set(['expect'])

const isUnavailable = (response: ServerResponse): void => {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(503, {
    'content-type': problemContentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'retry-after': '1',
  })
  response.end(JSON.stringify(problemOf({ code: 'overloaded' })))
}

/** Sends an answer on; a request that was answered before all of it came gets no other on its connection. */
const answer = (request: IncomingMessage, response: ServerResponse, upstream: IncomingMessage): void => {
  if (!request.complete) response.shouldKeepAlive = false
  response.writeHead(upstream.statusCode ?? 502, upstream.statusMessage, passedOn(upstream.rawHeaders))
  upstream.on('error', () => response.destroy())
  upstream.pipe(response)
}

export type Proxy = {
  /** Passes a request on to whoever listens on the port of loopback, and the answer back, as both stream. */
  readonly pass: (port: number | undefined, ...exchange: Parameters<RequestListener>) => void
  readonly close: () => void
}

/**
 * Passes requests on byte by byte: target, repeated headers and body are what the service itself would have read. The body
 * is framed anew, so nobody can see another end of it. A caller who leaves ends the request at the service too; a service
 * that does not answer is a 503. Answers may take as long as they like.
 */
export const createProxy = (): Proxy => {
  // One a connection: what a caller sends is never read behind another's request.
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 })
  const pass: Proxy['pass'] = (port, request, response) => {
    if (port === undefined) {
      isUnavailable(response)
      return
    }
    const framing = request.headers['transfer-encoding'] === undefined ? [] : ['transfer-encoding', 'chunked']
    const upstream = httpRequest({
      host: '127.0.0.1',
      port,
      agent,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: [...passedOn(request.rawHeaders, expectation), ...framing],
    })
    upstream.once('response', (answered) => answer(request, response, answered))
    upstream.once('error', () => isUnavailable(response))
    response.once('close', () => {
      if (!response.writableFinished) upstream.destroy()
    })
    request.pipe(upstream)
  }
  return { pass, close: () => agent.destroy() }
}
