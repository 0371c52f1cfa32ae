import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, it } from 'vitest'
import { createEdgeServer } from '@countersign/service-kit'
import { createProxy } from './proxy.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A service, and the proxy before it; answers both ports. */
const before = async (service: RequestListener): Promise<{ front: number; behind: number }> => {
  const upstream = createServer({ requireHostHeader: false }, service).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const { port: behind } = upstream.address() as AddressInfo
  const proxy = createProxy()
  const server = createEdgeServer((request, response) => proxy.pass(behind, request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    server.close().closeAllConnections()
    proxy.close()
    upstream.close().closeAllConnections()
  })
  return { front: (server.address() as AddressInfo).port, behind }
}

/** Writes bytes to a port and reads until the other end closes. */
const raw = async (port: number, bytes: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}

const echo: RequestListener = (request, response) => {
  void text(request).then((body) => {
    response.end(JSON.stringify({ url: request.url, method: request.method, raw: request.rawHeaders, body }))
  })
}
const seenBy = async (port: number, bytes: string): Promise<{ raw: string[]; body: string; url: string }> => {
  const answer = await raw(port, bytes)
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, '')) as never
}

it('passes target, body and repeated headers on as they came', async () => {
  const { front } = await before(echo)
  const seen = await seenBy(
    front,
    'POST /v1/x%2F?a=1&a=2 HTTP/1.1\r\nHost: a\r\nAuthorization: one\r\nAuthorization: two\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}',
  )
  expect(seen.url).toBe('/v1/x%2F?a=1&a=2')
  expect(seen.body).toBe('{}')
  expect(seen.raw.filter((_, at) => at % 2 === 1)).toEqual(expect.arrayContaining(['a', 'one', 'two', '2']))
})

it('keeps headers of the connection, and those that it names, to itself', async () => {
  const { front } = await before(echo)
  const { raw: headers } = await seenBy(
    front,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Inner\r\nX-Inner: 1\r\nUpgrade: h2c\r\nTE: trailers\r\nProxy-Authorization: x\r\n\r\n',
  )
  const names = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  expect(names.toSorted()).toEqual(['connection', 'host'])
})

it('frames a chunked body anew', async () => {
  const { front } = await before(echo)
  const seen = await seenBy(
    front,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n',
  )
  expect(seen.body).toBe('abcdefg')
})

it('does not let a body smuggle a second request past a length', async () => {
  const targets: string[] = []
  const { front } = await before((request, response) => {
    targets.push(request.url ?? '')
    response.end()
  })
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const answer = await raw(
    front,
    `POST /outer HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  )
  expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  expect(targets).toEqual([])
})

it('streams an answer while it is made', async () => {
  const more = Promise.withResolvers<void>()
  const { front } = await before((_request, response) => {
    response.write('first ')
    void more.promise.then(() => response.end('second'))
  })
  const response = await fetch(`http://127.0.0.1:${front}/`)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('first ')
  more.resolve()
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('second')
})

it('ends the request at the service when its caller leaves', async () => {
  const left = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const { front } = await before((_request, response) => {
    asked.resolve()
    response.once('close', () => left.resolve())
  })
  const caller = new AbortController()
  const request = fetch(`http://127.0.0.1:${front}/`, { signal: caller.signal }).catch(() => undefined)
  await asked.promise
  caller.abort()
  await left.promise
  await request
})

it('closes the connection of a request that was answered before all of it came', async () => {
  const { front } = await before((_request, response) => {
    response.writeHead(413).end('too large')
  })
  const answer = await raw(front, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegins')
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(answer).toMatch(/connection: close/i)
})

it('answers 503 when a service breaks off', async () => {
  const { front } = await before((_request, response) => response.destroy())
  const answer = await fetch(`http://127.0.0.1:${front}/v1/intents`)
  const { code } = (await answer.json()) as { code: string }
  expect([answer.status, answer.headers.get('retry-after'), code]).toEqual([503, '1', 'overloaded'])
})
