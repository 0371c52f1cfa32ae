import { appendFileSync } from 'node:fs'
import { context, metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { type ExportResult, ExportResultCode, hrTimeToMilliseconds } from '@opentelemetry/core'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { connectMetrics, disconnectMetrics } from './metrics.ts'

/** A finished span as one JSON line of the trace file. */
export type SpanLine = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly service: string
  readonly startedAt: string
  readonly durationMs: number
  readonly status: 'ok' | 'error'
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: readonly string[]
}

export type TraceTarget =
  | { readonly kind: 'off' }
  /** OTLP over HTTP, `endpoint` with its path (`http://127.0.0.1:4318/v1/traces`). */
  | { readonly kind: 'otlp'; readonly endpoint: string }
  /** JSON lines appended to a file. */
  | { readonly kind: 'file'; readonly path: string }
  /** Each finished span is handed over at once. */
  | { readonly kind: 'memory'; readonly onSpan: (span: SpanLine) => void }

export type TelemetryOptions = {
  readonly service: string
  readonly traces: TraceTarget
  /** Share of traces that start here and are kept, 0 to 1; traces that come from others keep their decision. */
  readonly ratio?: number
  /** Where Prometheus scrapes `/metrics`; no metrics when absent. */
  readonly prometheus?: { readonly host: string; readonly port: number }
}

export type Telemetry = {
  /** Exports what is left and switches telemetry off for the process. */
  stop(): Promise<void>
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const lineOf = (span: ReadableSpan): SpanLine => {
  const { traceId, spanId } = span.spanContext()
  return {
    traceId,
    spanId,
    ...(span.parentSpanContext ? { parentSpanId: span.parentSpanContext.spanId } : {}),
    name: span.name,
    service: textOf(span.resource.attributes['service.name']),
    startedAt: new Date(hrTimeToMilliseconds(span.startTime)).toISOString(),
    durationMs: hrTimeToMilliseconds(span.duration),
    status: span.status.code === SpanStatusCode.ERROR ? 'error' : 'ok',
    attributes: span.attributes,
    links: span.links.map((link) => link.context.spanId),
  }
}

class LineExporter implements SpanExporter {
  readonly #onSpan: (span: SpanLine) => void

  constructor(onSpan: (span: SpanLine) => void) {
    this.#onSpan = onSpan
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    try {
      for (const span of spans) this.#onSpan(lineOf(span))
      done({ code: ExportResultCode.SUCCESS })
    } catch (error) {
      done({ code: ExportResultCode.FAILED, error: error as Error })
    }
  }

  async shutdown(): Promise<void> {}
}

const processorOf = (target: Exclude<TraceTarget, { kind: 'off' }>): SpanProcessor => {
  switch (target.kind) {
    case 'otlp':
      return new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: target.endpoint }) })
    case 'file': {
      const { path } = target
      const exporter = new LineExporter((span) => appendFileSync(path, `${JSON.stringify(span)}\n`))
      return new SimpleSpanProcessor({ exporter })
    }
    case 'memory':
      return new SimpleSpanProcessor({ exporter: new LineExporter(target.onSpan) })
  }
}

/**
 * Switches tracing and metrics on for the process, once, before services are built. With both off nothing is registered
 * and every span and instrument stays a no-op.
 */
export const startTelemetry = async (options: TelemetryOptions): Promise<Telemetry> => {
  const resource = resourceFromAttributes({ 'service.name': options.service, 'service.namespace': 'countersign' })
  const stops: (() => Promise<void>)[] = []

  if (options.traces.kind !== 'off') {
    const provider = new TracerProvider({
      resource,
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.ratio ?? 1) }),
      spanProcessors: [processorOf(options.traces)],
    })
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(provider)
    stops.push(async () => {
      await provider.shutdown()
      trace.disable()
      context.disable()
    })
  }

  if (options.prometheus) {
    const exporter = new PrometheusExporter({ ...options.prometheus, preventServerStart: true })
    await exporter.startServer()
    const provider = new MeterProvider({ resource, readers: [exporter] })
    metrics.setGlobalMeterProvider(provider)
    connectMetrics()
    stops.push(async () => {
      await provider.shutdown()
      disconnectMetrics()
      metrics.disable()
    })
  }

  return {
    stop: async () => {
      await Promise.allSettled(stops.map((stop) => stop()))
    },
  }
}
