import { isOutage, StoreNotAdopted } from '@countersign/event-store'
import { type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import { trace } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { securityHeaders } from './edge-server.ts'
import type { Log } from './log.ts'
import { type ProblemSource, problemContentType, problemOf, sourceOf } from './problem-details.ts'

/** Answers a request with problem details. */
export const sendProblem = (reply: FastifyReply, request: FastifyRequest, source: ProblemSource): FastifyReply => {
  const traceId = trace.getActiveSpan()?.spanContext().traceId
  const problem = problemOf(source, { requestId: request.id, ...(traceId === undefined ? {} : { traceId }) })
  return reply
    .code(problem.status)
    .headers({ ...securityHeaders, 'x-request-id': request.id, ...source.headers, 'content-type': problemContentType })
    .send(JSON.stringify(problem))
}

const storeUnavailable: ProblemSource = { code: 'store_unavailable', headers: { 'retry-after': '1' } }

/** What an error means: once a request has arrived whole, a lost connection is the database's and not the caller's. */
const sourceOfHandled = (error: unknown, { raw }: FastifyRequest): ProblemSource =>
  raw.complete && isOutage(error) && !(error instanceof StoreNotAdopted) ? storeUnavailable : sourceOf(error)

/** Nest's global filter: every error of a request, ours, Fastify's or Nest's, leaves as problem details. */
export class ProblemFilter implements ExceptionFilter {
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.getArgByIndex<FastifyRequest>(0)
    const reply = host.getArgByIndex<FastifyReply>(1)
    const source = sourceOfHandled(error, request)
    const route = request.routeOptions.url
    const line = { err: error, requestId: request.id, method: request.method, route }
    if (source.code === 'internal_error') this.#log.error(line, 'request failed')
    else if (source.code === storeUnavailable.code) this.#log.warn(line, 'request met a database outage')
    if (reply.sent) reply.raw.destroy()
    else void sendProblem(reply, request, source)
  }
}
