import { findSecret } from '@countersign/redaction'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify'
import { hasBody, refuseHead, splitUrl } from './admission.ts'
import { createEdgeServer, type EdgeLimits, securityHeaders } from './edge-server.ts'
import { KnownRoutes } from './known-routes.ts'
import { type ProblemSource, Refused, sourceOf } from './problem-details.ts'
import { readJsonBody } from './read-body.ts'
import { readQuery } from './read-query.ts'
import { endRequestSpan, startRequestSpan } from './request-span.ts'
import { rulesOf } from './route-rules.ts'
import { sendProblem } from './send-problem.ts'

export const defaultBodyLimit = 65_536

/** A request that the edge refused before any controller saw it. */
export type EdgeRefusal = {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly authorization: string | undefined
  readonly code: string
  readonly pointer: string | undefined
}

export type HttpEdgeOptions = {
  /**
   * Told of each request that the edge refuses by itself, before the answer is sent, so that the attempt can be recorded.
   * A failure to record is an outage: the request is answered 503 instead.
   */
  readonly onRefused?: (refusal: EdgeRefusal) => Promise<void>
  /** Largest body in bytes where a route says nothing else; 64 KiB when absent. */
  readonly bodyLimit?: number
  readonly limits?: Partial<EdgeLimits>
}

/** Fastify under Nest. Errors keep their own class, so that the one filter can tell Fastify's from ours. */
class EdgeAdapter extends FastifyAdapter {
  override mapException(error: unknown): unknown {
    return error
  }
}

type Incoming = FastifyRequest & { rawBody?: Buffer; bodyRefusal?: ProblemSource }

/** A caller's request id is echoed only if it is a plain identifier and no secret; anything else gets a new one. */
const cleanId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

const requestIdOf = (request: { headers: IncomingMessage['headers'] }): string => {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && cleanId.test(given) && findSecret(given) === undefined ? given : randomUUID()
}

/** Counts requests under way, so that stopping can wait for them. */
class InFlight {
  readonly #requests = new Set<FastifyRequest>()
  #onIdle: (() => void) | undefined

  add(request: FastifyRequest): void {
    this.#requests.add(request)
  }

  delete(request: FastifyRequest): void {
    this.#requests.delete(request)
    if (this.#requests.size === 0) this.#onIdle?.()
  }

  /** True when nothing is under way any more within `timeoutMs`. */
  async drain(timeoutMs: number): Promise<boolean> {
    if (this.#requests.size === 0) return true
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs)
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
  }
}

const keepBytes = (instance: FastifyInstance): void => {
  instance.removeAllContentTypeParsers()
  const json = ['application/json', 'application/scim+json']
  instance.addContentTypeParser(json, { parseAs: 'buffer' }, (request: Incoming, bytes, done) => {
    const { bodyLimit, config } = request.routeOptions
    const read = readJsonBody(bytes as Buffer, { ...rulesOf(config).json, bodyBytes: bodyLimit })
    request.rawBody = bytes as Buffer
    // Refused by the preValidation hook: an error given to `done` would also close the connection, though it was read.
    if ('refused' in read) request.bodyRefusal = read.refused
    done(null, 'refused' in read ? undefined : read.value)
  })
  instance.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    (request: Incoming, bytes, done) => {
      request.rawBody = bytes as Buffer
      done(null, bytes)
    },
  )
}

export type HttpEdge = {
  /** For `NestFactory.create`. */
  readonly adapter: FastifyAdapter
  /** Answers a request that another server accepted; only after the app is initialised. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** From now on new requests get 503; true when those under way ended within `timeoutMs`. */
  drain(timeoutMs: number): Promise<boolean>
}

/**
 * The outermost layer of every service: a Fastify adapter that admits requests by their head, keeps the raw bytes of
 * bodies, reads JSON strictly and answers every error as problem details, without quoting what was sent.
 */
export const createHttpEdge = ({
  bodyLimit = defaultBodyLimit,
  limits = {},
  onRefused,
}: HttpEdgeOptions = {}): HttpEdge => {
  const routes = new KnownRoutes()
  const inFlight = new InFlight()
  let isStopping = false

  /** Passes a refusal on once it is recorded; what cannot be recorded is an outage. */
  const refuseRecorded = (request: FastifyRequest, refused: ProblemSource, done: (error: Error) => void): void => {
    if (onRefused === undefined || refused.code === 'shutting_down') {
      done(new Refused(refused))
      return
    }
    const [path] = splitUrl(request.raw.url ?? '/')
    const { authorization } = request.headers
    onRefused({ method: request.method, path, authorization, code: refused.code, pointer: refused.pointer }).then(
      () => done(new Refused(refused)),
      () => done(new Refused({ code: 'overloaded', headers: { 'retry-after': '5' } })),
    )
  }

  const options: FastifyServerOptions & { skipMiddie: boolean } = {
    bodyLimit,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    skipMiddie: true,
    routerOptions: { maxParamLength: 512 },
    genReqId: requestIdOf,
    serverFactory: (handle) => createEdgeServer(handle, limits),
    // The server factory's own handler answers these.
    clientErrorHandler: () => {},
    frameworkErrors: (error, request, reply) => void sendProblem(reply, request, sourceOf(error)),
  }
  const adapter = new EdgeAdapter(options)
  const instance: FastifyInstance = adapter.getInstance()
  keepBytes(instance)

  instance.addHook('onRoute', (route) => {
    routes.add(route.url, [route.method].flat())
    const limit = rulesOf(route.config).bodyLimit
    if (limit !== undefined) route.bodyLimit = limit
  })

  instance.addHook('onRequest', (request, reply, done) => {
    inFlight.add(request)
    // Not onResponse: that one does not come when the connection breaks before the answer.
    reply.raw.once('close', () => {
      endRequestSpan(request, reply)
      inFlight.delete(request)
    })
    void reply.headers({ ...securityHeaders, 'x-request-id': request.id })
    const refused = isStopping && request.url !== '/healthz' ? { code: 'shutting_down' } : refuseHead(request, routes)
    if (refused) {
      if (isStopping || hasBody(request)) void reply.header('connection', 'close')
      refuseRecorded(request, refused, done)
      return
    }
    try {
      const [, query] = splitUrl(request.raw.url ?? '/')
      request.query = readQuery(query, rulesOf(request.routeOptions.config).query)
    } catch (error) {
      if (hasBody(request)) void reply.header('connection', 'close')
      if (error instanceof Refused) refuseRecorded(request, error.source, done)
      else done(error as Error)
      return
    }
    startRequestSpan(request, done)
  })

  // What Fastify refuses while it reads a body (too large, a length that is not true) never gets to the hooks above.
  instance.addHook('onError', (request, _reply, error, done) => {
    if (onRefused === undefined || !(error as { code?: string }).code?.startsWith('FST_ERR_CTP')) {
      done()
      return
    }
    const { code } = sourceOf(error)
    const [path] = splitUrl(request.raw.url ?? '/')
    const { authorization } = request.headers
    const recorded = (): void => done()
    onRefused({ method: request.method, path, authorization, code, pointer: undefined }).then(recorded, recorded)
  })

  instance.addHook('preValidation', (request: Incoming, _reply, done) => {
    if (request.bodyRefusal) refuseRecorded(request, request.bodyRefusal, done)
    else done()
  })

  return {
    adapter,
    handle: (request, response) => instance.routing(request, response),
    drain: (timeoutMs) => {
      isStopping = true
      return inFlight.drain(timeoutMs)
    },
  }
}
