import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer, type ServerOptions as TlsOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ProblemSource, problemContentType, problemOf, sourceOf } from './problem-details.ts'

/** Sent with every answer: nothing of ours is a page, may be framed, sniffed, cached or named in a referrer. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

export type EdgeLimits = {
  /** All request headers together; more is 431. */
  readonly headerBytes: number
  /** Time until the headers are there; more is 408. */
  readonly headersTimeoutMs: number
  /** Time until the whole request is there; more is 408. How long the answer takes is not limited (long polls). */
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** How often Node looks for requests beyond their time. */
  readonly timeoutCheckMs: number
}

export const defaultLimits: EdgeLimits = {
  headerBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 5_000,
  timeoutCheckMs: 1_000,
}

/** An answer for a connection on which no request object exists; the connection is closed after it. */
const writeProblem = (socket: Duplex, source: ProblemSource): void => {
  const problem = problemOf(source, { requestId: randomUUID() })
  const body = JSON.stringify(problem)
  const headers = {
    ...securityHeaders,
    ...source.headers,
    'content-type': problemContentType,
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': problem.requestId ?? '',
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const status = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n`
  socket.end(`${status}${lines.join('')}\r\n${body}`, () => socket.destroy())
}

/** The answer that Node is writing on a connection, if any. */
const answerUnderWay = (socket: Duplex): ServerResponse | undefined =>
  (socket as Duplex & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined

const onClientError = (error: Error, socket: Duplex): void => {
  if ((error as { code?: unknown }).code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const answer = answerUnderWay(socket)
  if (answer?.req.complete) {
    // An earlier, complete request is being answered: an error written now would be taken for that answer.
    answer.shouldKeepAlive = false
    answer.once('finish', () => socket.destroy())
    return
  }
  if (answer?.headersSent) {
    socket.destroy()
    return
  }
  const source = sourceOf(error)
  writeProblem(socket, source.code === 'internal_error' ? { code: 'malformed_request' } : source)
}

/**
 * A Node HTTP server with the edge's limits, whose own errors (malformed HTTP, 408, 431) are problem details too.
 * `standalone` puts one in front of several services' `handle`. With `tls` it speaks HTTPS only.
 */
export const createEdgeServer = (
  handle: RequestListener,
  limits: Partial<EdgeLimits> = {},
  tls?: TlsOptions,
): Server => {
  const { headerBytes, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, timeoutCheckMs } = {
    ...defaultLimits,
    ...limits,
  }
  const options = {
    maxHeaderSize: headerBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    insecureHTTPParser: false,
    // The admission check answers a missing Host; Node's own answer has no body.
    requireHostHeader: false,
  }
  const server = tls === undefined ? createServer(options, handle) : createTlsServer({ ...options, ...tls }, handle)
  server.on('clientError', onClientError)
  server.on('connect', (_request, socket) =>
    writeProblem(socket, { code: 'method_not_allowed', headers: { allow: 'GET, POST' } }),
  )
  server.on('checkExpectation', (request) => writeProblem(request.socket, { code: 'expectation_failed' }))
  return server
}
