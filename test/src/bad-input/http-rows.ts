import { type RawExchange, rawExchange, type RawOptions, rawRequest } from '../instance/raw-http.ts'
import type { Running } from '../running.ts'
import { goodIntent, marker } from './rejection.ts'

/**
 * Bytes that no HTTP client would send, and what they get. `closes`: the connection is not used any further. `unknown`:
 * nobody knows who sent it, or no command has that address and method, so there is no attempt to record.
 */
export type HttpRow = {
  readonly id: string
  readonly what: string
  readonly status: number
  readonly code: string
  readonly closes?: boolean
  readonly unknown?: boolean
  readonly send: (running: Running) => Promise<RawExchange>
}

const good = JSON.stringify(goodIntent())
const json = 'content-type: application/json'

/** The headers of a good request to publish. */
export const headersOf = ({ baseUrl, tokens }: Running): string[] => [
  `host: ${new URL(baseUrl).host}`,
  `authorization: Bearer ${tokens.agent}`,
  'idempotency-key: raw-1',
]

type Raw = {
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly string[]
  readonly body?: Uint8Array | string
  /** Content-Length of the body is added unless false. */
  readonly length?: false
} & RawOptions

const sending =
  ({ method = 'POST', path = '/v1/intents', headers = [json], body = good, length, ...options }: Raw) =>
  (running: Running): Promise<RawExchange> => {
    const lengths = length === false ? [] : [`content-length: ${Buffer.byteLength(body)}`]
    const request = rawRequest({ method, path, headers: [...headersOf(running), ...headers, ...lengths], body })
    return rawExchange(running.baseUrl, [request], options)
  }

const malformed = { status: 400, code: 'malformed_request' } as const
const unreadable = { ...malformed, closes: true, unknown: true } as const
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

const mediaTypes: HttpRow[] = [
  ...[
    'content-type: text/plain',
    'content-type: application/xml',
    'content-type: multipart/form-data; boundary=x',
    'content-type: application/x-www-form-urlencoded',
    'content-type: application/json; charset=utf-16',
    'content-type: application/jsonp',
  ].map(
    (header): HttpRow => ({
      id: 'B019',
      what: header,
      status: 415,
      code: 'unsupported_media_type',
      send: sending({ headers: [header] }),
    }),
  ),
  { id: 'B019', what: 'no content type', status: 415, code: 'unsupported_media_type', send: sending({ headers: [] }) },
  ...['gzip', 'br', 'deflate', 'identity, gzip'].map(
    (encoding): HttpRow => ({
      id: 'B018',
      what: `content-encoding ${encoding}`,
      status: 415,
      code: 'unsupported_media_type',
      send: sending({ headers: [json, `content-encoding: ${encoding}`], body: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]) }),
    }),
  ),
  {
    id: 'B019',
    what: 'two content types',
    status: 400,
    code: 'duplicate_header',
    send: sending({ headers: [json, json] }),
  },
  {
    id: 'B044',
    what: 'two idempotency keys',
    status: 400,
    code: 'duplicate_header',
    send: sending({ headers: [json, 'idempotency-key: raw-2'] }),
  },
]

const framing: HttpRow[] = [
  {
    id: 'B020',
    what: 'a content-length too small',
    status: 400,
    code: 'invalid_json',
    closes: true,
    send: sending({ headers: [json, 'content-length: 5'], length: false, answers: 2, untilClosed: true }),
  },
  {
    id: 'B020',
    what: 'a negative content-length',
    ...unreadable,
    send: sending({ headers: [json, 'content-length: -1'], length: false, untilClosed: true }),
  },
  {
    id: 'B020',
    what: 'a content-length that is no number',
    ...unreadable,
    send: sending({ headers: [json, 'content-length: 1e3'], length: false, untilClosed: true }),
  },
  {
    id: 'B020',
    what: 'two content-lengths',
    ...unreadable,
    send: sending({
      headers: [json, `content-length: ${good.length}`, 'content-length: 2'],
      length: false,
      untilClosed: true,
    }),
  },
  {
    id: 'B020',
    what: 'a content-length beside chunks',
    ...unreadable,
    send: sending({
      headers: [json, 'transfer-encoding: chunked', 'content-length: 5'],
      body: `${chunk(good)}0\r\n\r\n`,
      length: false,
      untilClosed: true,
    }),
  },
  {
    id: 'B020',
    what: 'chunks of a size that is none',
    ...unreadable,
    send: sending({
      headers: [json, 'transfer-encoding: chunked'],
      body: `zz\r\n${good}\r\n`,
      length: false,
      untilClosed: true,
    }),
  },
  {
    id: 'B017',
    what: 'a content-length of 10 MB',
    status: 413,
    code: 'body_too_large',
    closes: true,
    send: sending({ headers: [json, 'content-length: 10000000'], length: false, untilClosed: true }),
  },
  {
    id: 'B017',
    what: 'chunks without end',
    status: 413,
    code: 'body_too_large',
    closes: true,
    send: sending({
      headers: [json, 'transfer-encoding: chunked'],
      body: chunk(' '.repeat(8_192)).repeat(64),
      length: false,
      untilClosed: true,
    }),
  },
]

const heads: HttpRow[] = [
  {
    id: 'B021',
    what: 'headers of 17 KiB',
    status: 431,
    code: 'headers_too_large',
    closes: true,
    unknown: true,
    send: sending({ headers: [json, `x-filler: ${marker}${'a'.repeat(17_000)}`], untilClosed: true }),
  },
  {
    id: 'B099',
    what: 'a token of 100 KB',
    status: 431,
    code: 'headers_too_large',
    closes: true,
    unknown: true,
    send: sending({ headers: [json, `x-token: ${'a'.repeat(100_000)}`], untilClosed: true }),
  },
  {
    id: 'B022',
    what: 'a header with NUL',
    ...unreadable,
    send: sending({ headers: [json, `x-note: ${marker}\0`], untilClosed: true }),
  },
  {
    id: 'B022',
    what: 'a header with a bare CR',
    ...unreadable,
    send: sending({ headers: [json, `x-note: a\rb${marker}`], untilClosed: true }),
  },
  {
    id: 'B022',
    what: 'a header line that is folded',
    ...unreadable,
    send: sending({ headers: [json, `x-note: a\r\n ${marker}`], untilClosed: true }),
  },
  {
    id: 'B044',
    what: 'an idempotency key with a line break',
    ...unreadable,
    send: sending({ headers: [json, `x: 1\n${marker}`], untilClosed: true }),
  },
  {
    id: 'B022',
    what: 'a header name with a space',
    ...unreadable,
    send: sending({ headers: [json, `x note: ${marker}`], untilClosed: true }),
  },
]

const notAllowed = { status: 405, code: 'method_not_allowed', unknown: true } as const
const methods: HttpRow[] = [
  ...['X-HTTP-Method-Override: GET', 'X-HTTP-Method: DELETE', 'X-Method-Override: PUT'].map(
    (header): HttpRow => ({ id: 'B023', what: header, ...notAllowed, send: sending({ headers: [json, header] }) }),
  ),
  ...['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'].map(
    (method): HttpRow => ({
      id: 'B023',
      what: method,
      ...notAllowed,
      send: sending({ method, headers: [], body: '' }),
    }),
  ),
]

const notFound = { status: 404, code: 'not_found', unknown: true } as const
const paths: HttpRow[] = [
  ...[
    '//v1/intents',
    '/v1//intents',
    '/v1/./intents',
    '/v1/x/../intents',
    '/v1/%2e%2e/v1/intents',
    '/v1/%2e/intents',
    '/v1\\intents',
    '/v1/intents%00',
    '/v1%2fintents',
  ].map((path): HttpRow => ({ id: 'B024', what: path, ...malformed, unknown: true, send: sending({ path }) })),
  ...['/v1/intents.', '/V1/Intents', '/v1/intents/', '/v1/intents;x=1', '/v2/intents', `/${marker}`].map(
    (path): HttpRow => ({ id: 'B024', what: path, ...notFound, send: sending({ path }) }),
  ),
  ...['?tenant=a&tenant=b', '?tenant[$ne]=1', `?${marker}=${marker}`].map(
    (query): HttpRow => ({
      id: 'B025',
      what: query,
      status: 400,
      code: 'unknown_parameter',
      send: sending({ path: `/v1/intents${query}` }),
    }),
  ),
]

export const httpRows: readonly HttpRow[] = [...mediaTypes, ...framing, ...heads, ...methods, ...paths]
