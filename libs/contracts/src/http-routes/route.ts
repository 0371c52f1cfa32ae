import type { Type } from 'typebox'
import type { RefusalCode } from '../refusals.ts'

/** Who may call a route. What they may see of others' things is the route's business; its summary says so. */
export type RouteCaller =
  | 'anyone'
  | 'person'
  | 'requester'
  | 'executor'
  | 'owner'
  | 'reviewer'
  | 'operator'
  | 'security-admin'
  | 'analyst'
  | 'auditor'
  | 'collector'
  | 'directory'

export type RouteAnswer = {
  readonly status: number
  readonly description: string
  /** Absent for an answer without a body, or one that is not JSON. */
  readonly body?: Type.TSchema
  /** Content type of a body that is not JSON. */
  readonly contentType?: string
}

export type HttpRoute = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With `{name}` for a path parameter; a last `{path}` takes the rest of the address. */
  readonly path: string
  /** Name of the operation, unique. */
  readonly operation: string
  /** Behaviour folder below `apps/`, or `service-kit` for what every service serves. */
  readonly folder: string
  readonly summary: string
  readonly callers: readonly RouteCaller[]
  readonly query?: Type.TObject
  /** Request headers beside the bearer token. */
  readonly headers?: Type.TObject
  readonly request?: Type.TSchema
  /** Content type of a request that is not JSON. */
  readonly requestContentType?: string
  readonly answers: readonly RouteAnswer[]
  /** Codes of this route's own; those of reading a request, of the token and of a change come with `refusalsOf`. */
  readonly refusals: readonly RefusalCode[]
}

const ofToken = ['token_missing', 'token_invalid', 'token_expired', 'identity_provider_unavailable'] as const
const ofBody = [
  'body_too_large',
  'unsupported_media_type',
  'invalid_utf8',
  'bom_not_allowed',
  'invalid_json',
  'duplicate_key',
  'depth_exceeded',
  'too_many_keys',
  'key_too_long',
  'array_too_long',
  'string_too_long',
  'lone_surrogate',
  'nul_character',
  'negative_zero',
  'number_not_exact',
  'forbidden_key',
  'root_not_object',
  'invalid_request',
  'unknown_field',
] as const

/** Whatever is changed is appended, and so is what was refused. */
const ofChange = ['store_not_adopted'] as const

/** Every code of the catalogue that a route can refuse with. */
export const refusalsOf = ({ method, callers, request, refusals }: HttpRoute): RefusalCode[] => [
  ...(callers.includes('anyone') ? [] : ofToken),
  ...(callers.includes('anyone') || method === 'GET' ? [] : ofChange),
  ...(request === undefined ? [] : ofBody),
  ...refusals,
]
