import { type Attributes, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { extractTrace, isSampled, type TraceHeaders } from './trace-context.ts'

const tracer = () => trace.getTracer('countersign')

/** Marks a span as failed by the error's name; its text may quote values. */
const fail = (span: Span, error: unknown): void => {
  const name = error instanceof Error ? error.name : 'unknown'
  span.setStatus({ code: SpanStatusCode.ERROR, message: name })
  span.setAttribute('error.type', name)
}

/**
 * Runs `fn` inside a span. Name it after the behaviour's folder (`policy.evaluate-intent`); attributes hold ids and codes,
 * never payload. While tracing is off this only calls `fn`.
 */
export const withSpan = async <T>(name: string, attributes: Attributes, fn: () => Promise<T> | T): Promise<T> =>
  tracer().startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await fn()
    } catch (error) {
      fail(span, error)
      throw error
    } finally {
      span.end()
    }
  })

/** Records of one batch that get a span of their own, at most. */
const mostChildSpans = 50

/**
 * Runs `fn` for a batch of records inside ONE span. Records whose sender sampled them get a span in the sender's trace,
 * linked to the batch's; a span per record costs more than handling it (measured), so the others get none.
 */
export const withBatchSpan = async <T>(
  name: string,
  batch: { readonly headers: readonly TraceHeaders[]; readonly attributes?: Attributes },
  fn: () => Promise<T> | T,
): Promise<T> => {
  const attributes = { ...batch.attributes, 'messaging.batch.message_count': batch.headers.length }
  return withSpan(name, attributes, async () => {
    const link = trace.getSpan(context.active())?.spanContext()
    if (!link || !trace.isSpanContextValid(link)) return fn()
    const sampled = batch.headers.map(extractTrace).filter(isSampled).slice(0, mostChildSpans)
    const children = sampled.map((parent) =>
      tracer().startSpan(name, { kind: SpanKind.CONSUMER, links: [{ context: link }] }, parent),
    )
    try {
      return await fn()
    } catch (error) {
      for (const child of children) fail(child, error)
      throw error
    } finally {
      for (const child of children) child.end()
    }
  })
}
