import { Type } from 'typebox'
import { logLevels } from './log.ts'
import type { TelemetryOptions, TraceTarget } from './telemetry.ts'

const settings = (port: number) => ({
  HTTP_HOST: Type.String({ default: '127.0.0.1', description: 'Address on which the service listens' }),
  HTTP_PORT: Type.Integer({
    default: port,
    minimum: 0,
    maximum: 65_535,
    description: 'Port on which the service listens; 0 takes a free one',
  }),
  LOG_LEVEL: Type.Union(
    logLevels.map((level) => Type.Literal(level)),
    { default: 'info', description: 'Least severe level that is logged' },
  ),
  SHUTDOWN_TIMEOUT_MS: Type.Integer({
    default: 10_000,
    minimum: 0,
    maximum: 300_000,
    description: 'How long requests under way may take once the service is told to stop',
  }),
  TRACES: Type.Union([Type.Literal('off'), Type.Literal('otlp'), Type.Literal('file')], {
    default: 'off',
    description: 'Where OpenTelemetry traces go',
  }),
  TRACES_ENDPOINT: Type.String({
    default: 'http://127.0.0.1:4318/v1/traces',
    description: 'OTLP/HTTP endpoint, with TRACES=otlp',
  }),
  TRACES_FILE: Type.String({ default: 'traces.jsonl', description: 'File for JSON lines, with TRACES=file' }),
  TRACES_RATIO: Type.Number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'Share of traces starting here that is kept',
  }),
  METRICS_HOST: Type.String({ default: '127.0.0.1', description: 'Address on which Prometheus finds /metrics' }),
  METRICS_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'Port on which Prometheus finds /metrics; off when not set',
    }),
  ),
})

export type ServiceSettings = ReturnType<typeof settings>
export type ServiceConfig = Type.Static<Type.TObject<ServiceSettings>>

/** An app's schema: the settings that every service has, with its default port, and its own. */
export const serviceSchema = <P extends Type.TProperties>(port: number, own: P): Type.TObject<ServiceSettings & P> =>
  Type.Object({ ...settings(port), ...own }) as unknown as Type.TObject<ServiceSettings & P>

const tracesOf = (config: ServiceConfig): TraceTarget => {
  switch (config.TRACES) {
    case 'otlp':
      return { kind: 'otlp', endpoint: config.TRACES_ENDPOINT }
    case 'file':
      return { kind: 'file', path: config.TRACES_FILE }
    default:
      return { kind: 'off' }
  }
}

/** What `startTelemetry` needs, from a service's configuration. */
export const telemetryOf = (service: string, config: ServiceConfig): TelemetryOptions => ({
  service,
  traces: tracesOf(config),
  ratio: config.TRACES_RATIO,
  ...(config.METRICS_PORT === undefined
    ? {}
    : { prometheus: { host: config.METRICS_HOST, port: config.METRICS_PORT } }),
})
