import { isRefusalCode, type Refusal, refusals } from '@countersign/contracts'
import { StoreNotAdopted } from '@countersign/event-store'
import { edgeRefusals, statusOf } from './problem-status.ts'

/**
 * A no on its way out. Domain refusals (`@countersign/contracts`) fit as they are; the edge adds codes of its own
 * (`problem-status.ts`). `pointer` names a field and `detail` is text of ours: neither ever quotes what was sent.
 */
export type ProblemSource = Omit<Refusal, 'refused' | 'code'> & {
  readonly code: string
  readonly detail?: string
  /** Failing fields of a validated body, as JSON pointers (RFC 6901). */
  readonly errors?: readonly FieldError[]
  readonly headers?: Readonly<Record<string, string>>
}

export type FieldError = { readonly code: string; readonly pointer: string; readonly expected?: string }

/** RFC 9457 problem details with Countersign's extension members. */
export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string
  readonly pointer?: string
  readonly errors?: readonly FieldError[]
  readonly rules?: readonly string[]
  readonly expiresAt?: string
  readonly next?: string
  readonly requestId?: string
  readonly traceId?: string
}

export const problemContentType = 'application/problem+json'

/** A refusal as an exception: the only way in which a controller says no. The filter turns it into problem details. */
export class Refused extends Error {
  readonly source: ProblemSource

  constructor(source: ProblemSource) {
    super(source.code)
    this.name = 'Refused'
    this.source = source
  }
}

/** Passes a value on and throws a `Refused` for a refusal, so a controller can end with `return orRefuse(await …)`. */
export const orRefuse = <T>(result: T): Exclude<T, { readonly refused: true }> => {
  if (isRefused(result)) throw new Refused(result)
  return result as Exclude<T, { readonly refused: true }>
}

const isRefused = (value: unknown): value is ProblemSource & { readonly refused: true } =>
  typeof value === 'object' && value !== null && (value as { refused?: unknown }).refused === true

const wordsOf = (code: string): { title: string; next?: string } => {
  if (isRefusalCode(code)) return refusals[code]
  return edgeRefusals[code] ?? { title: code.replaceAll('_', ' ') }
}

/** The problem details of a refusal (RFC 9457). `requestId` lets support find the log lines. */
export const problemOf = (
  source: ProblemSource,
  ids: { readonly requestId?: string; readonly traceId?: string } = {},
): Problem => {
  const { title, next } = wordsOf(source.code)
  return {
    type: `https://countersign.dev/problems/${source.code}`,
    title,
    status: statusOf(source.code),
    code: source.code,
    ...(source.detail === undefined ? {} : { detail: source.detail }),
    ...(source.pointer === undefined ? {} : { pointer: source.pointer }),
    ...(source.errors === undefined ? {} : { errors: source.errors }),
    ...(source.rules === undefined ? {} : { rules: source.rules }),
    ...(source.expiresAt === undefined ? {} : { expiresAt: source.expiresAt }),
    ...(next === undefined ? {} : { next }),
    ...(ids.requestId === undefined ? {} : { requestId: ids.requestId }),
    ...(ids.traceId === undefined ? {} : { traceId: ids.traceId }),
  }
}

/** Codes by which Fastify and Node name a request that never reached a controller. */
const frameworkCodes: Readonly<Record<string, string>> = {
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_INVALID_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_HANDLER_TIMEOUT: 'overloaded',
  ECONNRESET: 'malformed_request',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
}

const statusCodes: Readonly<Record<number, string>> = {
  400: 'malformed_request',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
}

const clientStatus = (error: Error): number | undefined => {
  const { statusCode, getStatus } = error as { statusCode?: unknown; getStatus?: () => number }
  const status = typeof getStatus === 'function' ? getStatus.call(error) : statusCode
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

/**
 * What an error means to the caller. Refusals stay what they are; errors of Fastify, Node and Nest that are the caller's
 * doing get a code of ours; everything else is `internal_error`, which says nothing about the error.
 */
export const sourceOf = (error: unknown): ProblemSource => {
  if (error instanceof Refused) return error.source
  if (error instanceof StoreNotAdopted) return error.refusal
  if (!(error instanceof Error)) return { code: 'internal_error' }
  const code = (error as { code?: unknown }).code
  const named = typeof code === 'string' ? frameworkCodes[code] : undefined
  if (named !== undefined) return { code: named }
  const status = clientStatus(error)
  return { code: status === undefined ? 'internal_error' : (statusCodes[status] ?? 'malformed_request') }
}
