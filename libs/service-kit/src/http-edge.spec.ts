import { connect } from 'node:net'
import { Body, Controller, Get, Module, Param, Post, Query, Req } from '@nestjs/common'
import { Type } from 'typebox'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildService, type Service } from './build-service.ts'
import { createLog } from './log.ts'
import type { Problem } from './problem-details.ts'
import { EdgeRoute, type EdgeRequest, Public } from './route-rules.ts'
import { pathParameter, validateBody } from './validate-body.ts'

/** Stands for every secret: it is part of each bad request and must be in no answer. */
const marker = 'hunter2'

const closed = { additionalProperties: false }
const IntentBody = Type.Object(
  {
    action: Type.String({ maxLength: 20 }),
    target: Type.Optional(Type.Object({ name: Type.String() }, closed)),
    parameters: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer()]))),
  },
  closed,
)
const ListQuery = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0 })),
  wait: Type.Boolean({ default: false }),
  named: Type.Optional(Type.String()),
})
const Id = Type.String({ pattern: '^[0-9a-f-]{36}$' })

let published = 0

@Public()
@Controller()
class IntentController {
  @Post('v1/intents')
  publish(@Body(validateBody(IntentBody)) body: Type.Static<typeof IntentBody>) {
    published += 1
    return { action: body.action }
  }

  @Get('v1/intents')
  @EdgeRoute({ query: ListQuery })
  list(@Query() query: Type.Static<typeof ListQuery>) {
    return query
  }

  @Get('v1/intents/:intentId')
  read(@Param('intentId', pathParameter(Id)) intentId: string) {
    return { intentId }
  }

  @Post('callbacks/slack')
  callback(@Req() request: EdgeRequest) {
    return { bytes: request.rawBody?.toString('hex') }
  }

  @Post('v1/small')
  @EdgeRoute({ bodyLimit: 24 })
  small() {
    return { ok: true }
  }

  @Get('v1/broken')
  broken(): never {
    throw new Error(`refused password=${marker}`)
  }

  @Get('v1/outage/:code')
  outage(@Param('code') code: string): never {
    throw Object.assign(new Error(`terminating connection of ${marker}`), { code })
  }
}

@Module({ controllers: [IntentController] })
class IntentModule {}

let lines: string[] = []
let service: Service
let port: number

beforeAll(async () => {
  service = await buildService({
    name: 'intake',
    config: {},
    log: createLog({ service: 'intake', destination: { write: (line) => lines.push(line) } }),
    compose: () => ({
      module: IntentModule,
      edge: { limits: { headersTimeoutMs: 300, requestTimeoutMs: 300, timeoutCheckMs: 50 } },
    }),
  })
  port = Number(new URL(await service.listen({ port: 0 })).port)
})
afterAll(async () => {
  await service.stop()
})
beforeEach(() => {
  published = 0
  lines = []
})

type Answer = { readonly status: number; readonly headers: string; readonly body: string; readonly all: string }

/** Everything that the server says on one connection until one side closes it. */
const exchange = async (bytes: string | Buffer): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (error) => (chunks.length > 0 ? undefined : reject(error)))
    socket.on('close', () => {
      const all = Buffer.concat(chunks).toString('latin1')
      const at = all.indexOf('\r\n\r\n')
      const head = at < 0 ? all : all.slice(0, at)
      resolve({ status: Number(head.split(' ')[1]), headers: head.toLowerCase(), body: all.slice(at + 4), all })
    })
    socket.write(bytes)
  })

const json = 'content-type: application/json\r\n'

type Sent = { readonly path?: string; readonly headers?: string; readonly keep?: boolean }

const post = (body: string | Buffer, { path = '/v1/intents', headers = json, keep = false }: Sent = {}): Buffer =>
  Buffer.concat([
    Buffer.from(`POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: ${keep ? 'keep-alive' : 'close'}\r\n`),
    Buffer.from(`content-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n`),
    Buffer.from(body),
  ])

const ask = (path: string, headers = '', method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`

const raw = (head: string, body = ''): string => `${head.replaceAll('\n', '\r\n')}\r\n\r\n${body}`

const good = `{"action":"data.export","target":{"name":"${marker}"}}`
const nested = (depth: number): string => `{"action":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
const keys = (count: number): string =>
  `{"parameters":{${Array.from({ length: count - 1 }, (_, at) => `"k${at}":1`).join(',')}}}`
const withBytes = (...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from('{"action":"'), Buffer.from(bytes), Buffer.from(`${marker}"}`)])

/** Bytes on the wire → status and code. The names begin with the entry of the bad-input catalogue. */
const bad: Record<string, [bytes: string | Buffer, status: number, code: string]> = {
  'B001 empty body': [post(''), 400, 'invalid_json'],
  'B001 no body at all': [post('', { headers: '' }), 400, 'invalid_request'],
  'B002 null': [post('null'), 400, 'root_not_object'],
  'B003 array': [post(`["${marker}"]`), 400, 'root_not_object'],
  'B003 string': [post(`"${marker}"`), 400, 'root_not_object'],
  'B003 number': [post('1'), 400, 'root_not_object'],
  'B003 boolean': [post('true'), 400, 'root_not_object'],
  'B005 trailing garbage': [post('{}{}'), 400, 'invalid_json'],
  'B006 trailing comma': [post(`{"action":"${marker}",}`), 400, 'invalid_json'],
  'B006 comment': [post(`{/*${marker}*/}`), 400, 'invalid_json'],
  'B006 single quotes': [post(`{'action':'${marker}'}`), 400, 'invalid_json'],
  'B006 NaN': [post('{"action":NaN}'), 400, 'invalid_json'],
  'B007 byte order mark': [post(`\uFEFF${good}`), 400, 'bom_not_allowed'],
  'B008 UTF-16LE': [post(Buffer.from(good, 'utf16le')), 400, 'invalid_json'],
  'B008 UTF-16LE with mark': [post(Buffer.from(`\uFEFF${good}`, 'utf16le')), 400, 'bom_not_allowed'],
  'B009 invalid UTF-8': [post(withBytes(0xff)), 400, 'invalid_utf8'],
  'B010 overlong UTF-8': [post(withBytes(0xc0, 0xaf)), 400, 'invalid_utf8'],
  'B010 CESU-8 surrogates': [post(withBytes(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)), 400, 'invalid_utf8'],
  'B011 lone surrogate': [post(`{"action":"${marker}\\ud800"}`), 400, 'lone_surrogate'],
  'B012 NUL': [post(`{"action":"${marker}\\u0000"}`), 400, 'nul_character'],
  'B013 duplicate key': [post(`{"action":"read","action":"${marker}"}`), 400, 'duplicate_key'],
  'B014 key in other case': [post(`{"Action":"${marker}","action":"a"}`), 400, 'unknown_field'],
  'B014 key with trailing space': [post(`{"action ":"${marker}","action":"a"}`), 400, 'unknown_field'],
  'B015 depth 33': [post(nested(33)), 400, 'depth_exceeded'],
  'B015 depth 10,000': [post(nested(10_000)), 400, 'depth_exceeded'],
  'B015 depth 1,000,000': [post(nested(1_000_000)), 413, 'body_too_large'],
  'B016 1,001 keys': [post(keys(1_001)), 400, 'too_many_keys'],
  'B017 64 KiB + 1': [post(`{"action":"${'x'.repeat(65_537 - 13)}"}`), 413, 'body_too_large'],
  'B017 beyond the limit of the route': [post(good, { path: '/v1/small' }), 413, 'body_too_large'],
  'B017 chunked beyond the limit': [
    raw(`POST /v1/small HTTP/1.1\nhost: x\n${json.trim()}\ntransfer-encoding: chunked`, `40\r\n${'x'.repeat(64)}\r\n`),
    413,
    'body_too_large',
  ],
  'B017 body that never ends': [
    raw(`POST /v1/intents HTTP/1.1\nhost: x\n${json.trim()}\ntransfer-encoding: chunked`, '1\r\n{\r\n'),
    408,
    'request_timeout',
  ],
  'B017 headers that never end': [`GET / HTTP/1.1\r\nhost: ${marker}\r\n`, 408, 'request_timeout'],
  'B018 compressed': [post(good, { headers: `${json}content-encoding: gzip\r\n` }), 415, 'unsupported_media_type'],
  'B019 text': [post(good, { headers: 'content-type: text/plain\r\n' }), 415, 'unsupported_media_type'],
  'B019 multipart': [post(good, { headers: 'content-type: multipart/form-data\r\n' }), 415, 'unsupported_media_type'],
  'B019 none': [post(good, { headers: '' }), 415, 'unsupported_media_type'],
  'B019 form where JSON is due': [
    post(`a=${marker}`, { headers: 'content-type: application/x-www-form-urlencoded\r\n' }),
    415,
    'unsupported_media_type',
  ],
  'B019 JSON in UTF-16': [
    post(good, { headers: 'content-type: application/json; charset=utf-16\r\n' }),
    415,
    'unsupported_media_type',
  ],
  'B019 type twice': [post(good, { headers: `${json}content-type: text/plain\r\n` }), 400, 'duplicate_header'],
  'B020 length too small': [
    raw(`POST /v1/intents HTTP/1.1\nhost: x\n${json.trim()}\ncontent-length: 3`, good),
    400,
    'invalid_json',
  ],
  'B020 length too large': [
    raw(`POST /v1/intents HTTP/1.1\nhost: x\n${json.trim()}\ncontent-length: 900`, good),
    408,
    'request_timeout',
  ],
  'B020 length negative': [
    raw(`POST /v1/intents HTTP/1.1\nhost: x\n${json.trim()}\ncontent-length: -1`, good),
    400,
    'malformed_request',
  ],
  'B020 two lengths': [
    raw(`POST /v1/intents HTTP/1.1\nhost: x\n${json.trim()}\ncontent-length: 2\ncontent-length: 50`, good),
    400,
    'malformed_request',
  ],
  'B020 length and chunked': [
    raw(
      `POST /v1/intents HTTP/1.1\nhost: x\n${json.trim()}\ncontent-length: 2\ntransfer-encoding: chunked`,
      '0\r\n\r\n',
    ),
    400,
    'malformed_request',
  ],
  'B020 broken chunk': [
    raw(`POST /v1/intents HTTP/1.1\nhost: x\n${json.trim()}\ntransfer-encoding: chunked`, `zz\r\n${marker}\r\n`),
    400,
    'malformed_request',
  ],
  'B021 17 KiB of headers': [ask('/v1/intents', `x-filler: ${marker.repeat(2_500)}\r\n`), 431, 'headers_too_large'],
  'B022 NUL in a header': [ask('/v1/intents', `x-a: ${marker}\0\r\n`), 400, 'malformed_request'],
  'B022 bare CR in a header': [ask('/v1/intents', `x-a: ${marker}\rx-b: 1\r\n`), 400, 'malformed_request'],
  'B022 folded header': [ask('/v1/intents', `x-a: 1\r\n ${marker}: 1\r\nno colon\r\n`), 400, 'malformed_request'],
  'B022 not HTTP': [`${marker}\r\n\r\n`, 400, 'malformed_request'],
  'B022 no host': ['GET /v1/intents HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'malformed_request'],
  'B022 two hosts': [ask('/v1/intents', `host: ${marker}\r\n`), 400, 'duplicate_header'],
  'B022 two tokens': [
    ask('/v1/intents', `authorization: Bearer a\r\nauthorization: Bearer ${marker}\r\n`),
    400,
    'duplicate_header',
  ],
  'B022 unknown expectation': [ask('/v1/intents', `expect: ${marker}\r\n`), 417, 'expectation_failed'],
  'B023 method override': [
    post(good, { headers: `${json}x-http-method-override: DELETE\r\n` }),
    405,
    'method_not_allowed',
  ],
  'B023 PUT': [ask('/v1/intents', '', 'PUT'), 405, 'method_not_allowed'],
  'B023 TRACE': [ask('/v1/intents', `x-a: ${marker}\r\n`, 'TRACE'), 405, 'method_not_allowed'],
  'B023 OPTIONS': [ask('/v1/intents', 'origin: https://evil.example\r\n', 'OPTIONS'), 405, 'method_not_allowed'],
  'B023 CONNECT': [`CONNECT ${marker}:443 HTTP/1.1\r\nhost: x\r\n\r\n`, 405, 'method_not_allowed'],
  'B023 method of WebDAV': [ask('/v1/intents', '', 'PROPFIND'), 405, 'method_not_allowed'],
  'B024 double slash': [ask('//v1/intents'), 400, 'malformed_request'],
  'B024 dot segment': [ask('/v1/./intents'), 400, 'malformed_request'],
  'B024 encoded dots': [ask('/v1/%2e%2e/v1/intents'), 400, 'malformed_request'],
  'B024 encoded slash': [ask('/v1%2Fintents'), 400, 'malformed_request'],
  'B024 encoded twice': [ask('/v1/%252e%252e/intents'), 400, 'malformed_request'],
  'B024 backslash': [ask('/v1\\intents'), 400, 'malformed_request'],
  'B024 broken encoding': [ask(`/v1/%zz${marker}`), 400, 'malformed_request'],
  'B024 trailing dot': [ask('/v1/intents.'), 404, 'not_found'],
  'B024 trailing slash': [ask('/v1/intents/'), 404, 'not_found'],
  'B024 other case': [ask('/V1/Intents'), 404, 'not_found'],
  'B024 no such path': [ask(`/v1/${marker}`), 404, 'not_found'],
  'B024 parameter that cannot exist': [ask(`/v1/intents/${marker}`), 404, 'not_found'],
  'B024 very long parameter': [ask(`/v1/intents/${marker.repeat(100)}`), 414, 'uri_too_long'],
  'B025 parameter twice': [ask('/v1/intents?after=1&after=2'), 400, 'duplicate_parameter'],
  'B025 operator in a parameter': [ask(`/v1/intents?after[$ne]=${marker}`), 400, 'unknown_parameter'],
  'B025 unknown parameter': [ask(`/v1/intents?${marker}=1`), 400, 'unknown_parameter'],
  'B025 parameter on a path that takes none': [ask(`/v1/broken?x=${marker}`), 400, 'unknown_parameter'],
  'B025 parameter of the wrong type': [ask(`/v1/intents?after=${marker}`), 400, 'invalid_parameter'],
  'B025 U+0000 in the query': [ask(`/v1/intents?named=${marker}%00`), 400, 'invalid_parameter'],
  'B025 broken encoding in the query': [ask('/v1/intents?after=%ff'), 400, 'invalid_parameter'],
  'B026 number beyond a double': [post('{"parameters":{"n":1e400}}'), 400, 'number_not_exact'],
  'B026 minus zero': [post('{"parameters":{"n":-0}}'), 400, 'negative_zero'],
  'B028 prototype': [post(`{"__proto__":{"${marker}":1}}`), 400, 'forbidden_key'],
  'B029 extra field named like a secret': [post(`{"action":"a","${marker}":1}`), 400, 'unknown_field'],
  'B033 too long a string': [post(`{"action":"${marker.repeat(5)}"}`), 400, 'invalid_request'],
}

describe('bad input at the edge', () => {
  it.each(Object.entries(bad))('%s', async (_name, [bytes, status, code]) => {
    const answer = await exchange(bytes)
    const problem = JSON.parse(answer.body) as Problem
    expect([answer.status, problem.status, problem.code]).toEqual([status, status, code])
    expect(answer.headers).toContain('content-type: application/problem+json')
    expect(answer.headers).toContain("content-security-policy: default-src 'none'")
    expect(answer.all).not.toContain(marker)
    expect(published).toBe(0)
    expect(lines).toEqual([])
    expect((await exchange(post(good))).status).toBe(201)
  })

  it('B004 refuses a good body cut at every byte', async () => {
    for (let length = 1; length < good.length; length += 1) {
      const { status, all } = await exchange(post(good.slice(0, length)))
      expect([length, status]).toEqual([length, 400])
      expect(all).not.toContain(marker)
    }
    expect(published).toBe(0)
  })

  it('B030 answers a thousand pipelined requests in order, one bad among them', async () => {
    const requests = Array.from({ length: 1_000 }, (_, at) => post(at === 500 ? '{' : good, { keep: true }))
    const { all } = await exchange(Buffer.concat([...requests, Buffer.from(ask('/healthz'))]))
    const statuses = all.match(/HTTP\/1\.1 \d{3}/g)?.map((line) => Number(line.slice(-3))) ?? []
    expect(statuses).toHaveLength(1_001)
    expect(statuses.indexOf(400)).toBe(500)
    expect(statuses.filter((status) => status === 201)).toHaveLength(999)
  })

  it('B023 has no HEAD and answers it without a body', async () => {
    const { status, body } = await exchange(ask('/v1/intents', '', 'HEAD'))
    expect([status, body]).toEqual([405, ''])
  })

  it('says which methods a path takes', async () => {
    expect((await exchange(ask('/v1/intents', '', 'DELETE'))).headers).toContain('allow: get, post')
  })
})

describe('the edge', () => {
  const problemOfBody = async (body: string): Promise<Problem> =>
    JSON.parse((await exchange(post(body))).body) as Problem

  it('points at every field that fails, by names of the schema alone', async () => {
    const problem = await problemOfBody(`{"target":{"name":1,"${marker}":2},"parameters":{"${marker}":true}}`)
    expect(problem.code).toBe('invalid_request')
    expect(problem.errors).toEqual([
      { code: 'missing_field', pointer: '/action' },
      { code: 'unknown_field', pointer: '/target', expected: 'only name' },
      { code: 'invalid_field', pointer: '/target/name', expected: 'must be string' },
      { code: 'invalid_field', pointer: '/parameters/*', expected: 'must be string' },
    ])
  })

  it('points into a body that is not readable, but keeps keys that could be secrets to itself', async () => {
    expect((await problemOfBody('{"parameters":{"count":[0,-0]}}')).pointer).toBe('/parameters/count/1')
    expect((await problemOfBody(`{"parameters":{"${marker}":-0}}`)).pointer).toBe('/parameters/*')
  })

  it('coerces the query to the schema of the route and fills in defaults', async () => {
    expect((await exchange(ask('/v1/intents?after=3'))).body).toBe('{"after":3,"wait":false}')
    expect((await exchange(ask('/v1/intents?wait=true'))).body).toBe('{"wait":true}')
  })

  it('takes JSON with an explicit UTF-8 charset', async () => {
    const headers = 'Content-Type: Application/JSON; charset="UTF-8"\r\n'
    expect((await exchange(post(good, { headers }))).status).toBe(201)
  })

  it('gives callbacks the exact bytes of forms and of JSON', async () => {
    const form = { path: '/callbacks/slack', headers: 'content-type: application/x-www-form-urlencoded\r\n' }
    const text = 'payload=%7B+a%20b&x=%ff'
    expect((await exchange(post(text, form))).body).toBe(`{"bytes":"${Buffer.from(text).toString('hex')}"}`)
    const spaced = '{ "a" : 1 }'
    expect((await exchange(post(spaced, { path: '/callbacks/slack' }))).body).toContain(
      Buffer.from(spaced).toString('hex'),
    )
  })

  it.each(['57P01', 'ECONNRESET', 'ECONNREFUSED', '53300'])(
    'says 503 and when to ask again while the database fails with %s',
    async (code) => {
      const answer = await exchange(ask(`/v1/outage/${code}`))
      expect([answer.status, (JSON.parse(answer.body) as Problem).code]).toEqual([503, 'store_unavailable'])
      expect(answer.all).toMatch(/retry-after: 1/i)
      expect(answer.all).not.toContain(marker)
    },
  )

  it('hides what went wrong inside and logs it under the id that the caller gets', async () => {
    const answer = await exchange(ask('/v1/broken'))
    const problem = JSON.parse(answer.body) as Problem
    expect([answer.status, problem.code]).toEqual([500, 'internal_error'])
    expect(answer.all).not.toMatch(new RegExp(`${marker}|password|at .*\\.ts`))
    expect(lines).toHaveLength(1)
    expect(lines.join()).toContain(problem.requestId)
    expect(lines.join()).not.toContain(marker)
  })

  it('echoes a request id that is a plain identifier and replaces any other', async () => {
    expect((await exchange(ask('/healthz', 'x-request-id: agent-7.run_3\r\n'))).headers).toContain(
      'x-request-id: agent-7.run_3',
    )
    for (const id of [`<${marker}>`, 'x'.repeat(65), `a ${marker}`, '']) {
      const { headers } = await exchange(ask('/healthz', `x-request-id: ${id}\r\n`))
      expect(headers).toMatch(/x-request-id: [0-9a-f-]{36}/)
      expect(headers).not.toContain(marker)
    }
  })

  it('allows no other origin and no framing', async () => {
    const { headers } = await exchange(ask('/healthz', 'origin: https://evil.example\r\n'))
    expect(headers).not.toContain('access-control')
    expect(headers).toContain("frame-ancestors 'none'")
    expect(headers).toContain('x-content-type-options: nosniff')
  })
})
