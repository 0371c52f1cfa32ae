import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const BODY_LIMIT_BYTES = 1024 * 1024

export type LoopbackServer = {
  readonly origin: string
  /** Requests wait until a handler is given: handlers often need to know the port. */
  handle(handler: RequestListener): void
  close(): Promise<void>
}

/** `everywhere` is for a container whose port somebody publishes on loopback; requests still have to name loopback. */
export type Reach = 'loopback' | 'everywhere'

export type LoopbackOptions = {
  /** 0 picks a free one. */
  readonly port: number
  /** How browsers address it; 127.0.0.1 if absent. */
  readonly hostname?: '127.0.0.1' | 'localhost' | undefined
  /** `loopback` if absent. */
  readonly reach?: Reach | undefined
}

/**
 * Listens on 127.0.0.1 and answers only to its own name: a page elsewhere that points its own name at 127.0.0.1 (DNS
 * rebinding) gets 421.
 */
export async function listenOnLoopback({
  port,
  hostname = '127.0.0.1',
  reach = 'loopback',
}: LoopbackOptions): Promise<LoopbackServer> {
  let giveHandler: (handler: RequestListener) => void = () => undefined
  const handler = new Promise<RequestListener>((resolve) => (giveHandler = resolve))
  let host = ''
  const server = createServer((request, response) => {
    if (request.headers.host !== host) {
      response.writeHead(421, { 'content-type': 'text/plain' }).end('Unknown host\n')
      return
    }
    void handler.then((handle) => handle(request, response))
  })
  const address = reach === 'loopback' ? '127.0.0.1' : '0.0.0.0'
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
  host = `${hostname}:${(server.address() as AddressInfo).port}`
  return {
    origin: `http://${host}`,
    handle: giveHandler,
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()))
        server.closeAllConnections()
      }),
  }
}

/** The body as text. @throws RangeError above 1 MiB. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_LIMIT_BYTES) throw new RangeError('The request body is larger than 1 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Whether a request that changes something was sent by a page of this origin, or by no page at all. */
export function isOwnOrigin(request: IncomingMessage, origin: string): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  return request.headers.origin === undefined || request.headers.origin === origin
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}
