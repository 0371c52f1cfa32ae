import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { histogram } from './metrics.ts'
import { extractTrace } from './trace-context.ts'

type Running = { readonly span: Span; readonly startedAt: number }

const running = new WeakMap<FastifyRequest, Running>()

const requestSeconds = histogram('http.server.request.duration', {
  description: 'Time from the head of a request to the end of its answer',
  unit: 's',
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
})

/** The route's pattern, never the address: that one holds ids. */
const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? 'unknown'

/** Starts the span of a request, child of what `traceparent` names, and continues inside it. */
export const startRequestSpan = (request: FastifyRequest, next: () => void): void => {
  const parent: Context = extractTrace(request.headers)
  const span = trace.getTracer('countersign').startSpan(
    `${request.method} ${routeOf(request)}`,
    {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': request.method, 'http.route': routeOf(request) },
    },
    parent,
  )
  running.set(request, { span, startedAt: performance.now() })
  context.with(trace.setSpan(parent, span), next)
}

/** Ends the span of a request and records its time. Requests that were not let in have none. */
export const endRequestSpan = (request: FastifyRequest, reply: FastifyReply): void => {
  const run = running.get(request)
  if (!run) return
  running.delete(request)
  run.span.setAttribute('http.response.status_code', reply.statusCode)
  if (reply.statusCode >= 500) run.span.setStatus({ code: SpanStatusCode.ERROR })
  run.span.end()
  requestSeconds.record((performance.now() - run.startedAt) / 1_000, {
    'http.request.method': request.method,
    'http.route': routeOf(request),
    'http.response.status_code': reply.statusCode,
  })
}
