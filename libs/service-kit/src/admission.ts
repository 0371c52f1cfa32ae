import type { FastifyRequest } from 'fastify'
import type { KnownRoutes } from './known-routes.ts'
import type { ProblemSource } from './problem-details.ts'
import { type BodyKind, rulesOf } from './route-rules.ts'

/** Headers whose second copy Node would drop or join: two of them mean that two readers could see two requests. */
const singleHeaders = ['host', 'authorization', 'content-type', 'content-encoding', 'idempotency-key', 'traceparent']

const methodOverrides = ['x-http-method-override', 'x-http-method', 'x-method-override']

/** Empty or dot segments, backslashes, and the encodings by which they or a NUL get past a proxy. */
const trickyPath = /\/\/|\/\.{1,2}(\/|$)|\\|%(2e|2f|5c|00|0a|0d|25)/i

const contentTypes: Readonly<Record<BodyKind, RegExp>> = {
  json: /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i,
  scim: /^application\/scim\+json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i,
  form: /^application\/x-www-form-urlencoded\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i,
}

export const splitUrl = (url: string): [path: string, query: string] => {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

export const hasBody = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'

const bodiesOf = (request: FastifyRequest, path: string): readonly BodyKind[] =>
  rulesOf(request.routeOptions.config).bodies ?? (path.startsWith('/callbacks/') ? ['json', 'form'] : ['json'])

const refuseRoute = (request: FastifyRequest, path: string, routes: KnownRoutes): ProblemSource | undefined => {
  if (methodOverrides.some((name) => request.headers[name] !== undefined)) return { code: 'method_not_allowed' }
  if (!request.is404) return undefined
  const methods = routes.methodsOf(path)
  return methods.length === 0
    ? { code: 'not_found' }
    : { code: 'method_not_allowed', headers: { allow: methods.join(', ') } }
}

const refuseBody = (request: FastifyRequest, path: string): ProblemSource | undefined => {
  if (!hasBody(request)) return undefined
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined)
    return { code: 'unsupported_media_type', detail: 'Send the body without Content-Encoding.' }
  const type = request.headers['content-type']
  if (type === undefined) return { code: 'unsupported_media_type' }
  const isAccepted = bodiesOf(request, path).some((kind) => contentTypes[kind].test(type.trim()))
  return isAccepted ? undefined : { code: 'unsupported_media_type' }
}

/** Why a request goes no further, judged on its head alone; undefined lets it in. */
export const refuseHead = (request: FastifyRequest, routes: KnownRoutes): ProblemSource | undefined => {
  const [path] = splitUrl(request.raw.url ?? '/')
  if (!request.headers.host) return { code: 'malformed_request' }
  const { headersDistinct } = request.raw
  if (singleHeaders.some((name) => (headersDistinct[name]?.length ?? 0) > 1)) return { code: 'duplicate_header' }
  if (trickyPath.test(path)) return { code: 'malformed_request' }
  return refuseRoute(request, path, routes) ?? refuseBody(request, path)
}
