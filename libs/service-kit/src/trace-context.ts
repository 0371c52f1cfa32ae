import { type Context, context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'

/** A W3C `traceparent` that we accept from others: version 00, ids that are not all zero. */
const traceparentForm = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/** Whether the text is a `traceparent` that we take over. */
export const isTraceparent = (text: string): boolean => traceparentForm.test(text)

/** Header values as buses and Node give them. */
export type TraceHeaders = Readonly<Record<string, string | Uint8Array | readonly unknown[] | undefined>>

/** `traceparent` of the running span (W3C Trace Context §3.2), for an event's metadata; undefined outside of a span. */
export const currentTraceparent = (): string | undefined => {
  const span = trace.getActiveSpan()?.spanContext()
  if (!span || !trace.isSpanContextValid(span)) return undefined
  return `00-${span.traceId}-${span.spanId}-${(span.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0')}`
}

/** The headers with the running span's `traceparent` added; as they are outside of a span. */
export const injectTrace = <H extends object>(headers: H): H & { traceparent?: string } => {
  const traceparent = currentTraceparent()
  return traceparent === undefined ? headers : { ...headers, traceparent }
}

/** The context that a `traceparent` text describes; a missing or malformed one gives the root context. */
export const contextOf = (traceparent: string | undefined): Context => {
  const [, traceId, spanId, flags] = traceparentForm.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** The trace context that a message's or request's headers carry. `tracestate` and baggage are not taken over. */
export const extractTrace = (headers: TraceHeaders): Context => {
  const value = headers['traceparent']
  return contextOf(value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value ?? ''))
}

/** True when the sender sampled this trace: only such records get a span of their own. */
export const isSampled = (traceContext: Context): boolean =>
  ((trace.getSpanContext(traceContext)?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0

/** Runs `fn` inside the trace that the headers carry. */
export const withTraceOf = <T>(headers: TraceHeaders, fn: () => T): T => context.with(extractTrace(headers), fn)
