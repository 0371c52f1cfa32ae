import type { LoggerService } from '@nestjs/common'
import { trace } from '@opentelemetry/api'
import { type DestinationStream, type Logger, pino } from 'pino'
import { redactFields } from './log-redaction.ts'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

type LogLine = (fields: Readonly<Record<string, unknown>>, message: string) => void

/**
 * Structured log. The message is a constant in lower case; everything that varies goes into the fields, which are
 * redacted (`log-redaction.ts`). There is no interpolation.
 */
export type Log = {
  readonly fatal: LogLine
  readonly error: LogLine
  readonly warn: LogLine
  readonly info: LogLine
  readonly debug: LogLine
  readonly trace: LogLine
  /** The same log with fields that are on every line. */
  child(fields: Readonly<Record<string, unknown>>): Log
}

/** Logging never throws: fields that can't be read (a getter, a `toJSON`) cost the fields, not the caller. */
const redactedFields = (fields: object): Record<string, unknown> => {
  try {
    return redactFields(fields) as Record<string, unknown>
  } catch {
    return { unreadable: true }
  }
}

const over = (logger: Logger): Log => {
  const line =
    (level: Exclude<LogLevel, 'silent'>): LogLine =>
    (fields, message) => {
      // Pino formats the message only when further arguments follow, so a `%s` in it stays as it is.
      if (logger.isLevelEnabled(level)) logger[level](redactedFields(fields), message)
    }
  return {
    fatal: line('fatal'),
    error: line('error'),
    warn: line('warn'),
    info: line('info'),
    debug: line('debug'),
    trace: line('trace'),
    child: (fields) => over(logger.child(redactedFields(fields))),
  }
}

const traceIds = (): Record<string, string> => {
  const span = trace.getActiveSpan()?.spanContext()
  return span ? { traceId: span.traceId, spanId: span.spanId } : {}
}

export type LogOptions = {
  readonly service: string
  readonly level?: LogLevel
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream
}

/** A service's log: one JSON object per line with `level`, `time` (ISO), `service`, `msg` and, inside a span, trace ids. */
export const createLog = ({ service, level = 'info', destination }: LogOptions): Log =>
  over(
    pino(
      {
        level,
        base: { service },
        timestamp: pino.stdTimeFunctions.isoTime,
        mixin: traceIds,
        // Errors are already plain, redacted objects when Pino gets them.
        serializers: { err: (value: unknown) => value },
        formatters: { level: (label) => ({ level: label }) },
      },
      destination ?? pino.destination({ dest: 1, sync: true }),
    ),
  )

const text = (value: unknown): unknown => (value instanceof Error ? value : String(value))

/**
 * Nest's own messages as log lines. What Nest says while it boots is `debug`; its warnings and errors keep their level.
 */
export const nestLogger = (log: Log): LoggerService => {
  const context = (rest: unknown[]): Record<string, unknown> => {
    const last = rest.at(-1)
    return typeof last === 'string' ? { nest: last } : {}
  }
  return {
    log: (message: unknown, ...rest: unknown[]) => log.debug({ ...context(rest), detail: text(message) }, 'nest'),
    debug: (message: unknown, ...rest: unknown[]) => log.trace({ ...context(rest), detail: text(message) }, 'nest'),
    verbose: (message: unknown, ...rest: unknown[]) => log.trace({ ...context(rest), detail: text(message) }, 'nest'),
    warn: (message: unknown, ...rest: unknown[]) => log.warn({ ...context(rest), detail: text(message) }, 'nest warns'),
    error: (message: unknown, ...rest: unknown[]) =>
      log.error({ ...context(rest), err: text(message) }, 'nest reports an error'),
    fatal: (message: unknown, ...rest: unknown[]) =>
      log.fatal({ ...context(rest), err: text(message) }, 'nest reports an error'),
  }
}
