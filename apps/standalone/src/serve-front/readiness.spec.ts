import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { readiness, reportOf } from './readiness.ts'

const servers: Server[] = []

const portOf = async (listener: RequestListener): Promise<number> => {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const json =
  (status: number, body: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    }),
  )
})

/** What the front answers for one service that answers so. */
const askFront = async (port: number | undefined): Promise<{ http: number; status: unknown; code: unknown }> => {
  const front = await portOf(readiness(async () => ({ policy: await reportOf(port) })))
  const response = await fetch(`http://127.0.0.1:${front}/readyz`)
  const { status, services } = (await response.json()) as {
    status: string
    services: { policy: { checks: { code?: string }[] } }
  }
  return { http: response.status, status, code: services.policy.checks[0]?.code }
}

describe('the readiness of all services', () => {
  const since = '2026-01-01T00:00:00.000Z'

  it('is that of a service which says that it is ready', async () => {
    const port = await portOf(json(200, { status: 'ready', checks: [{ name: 'bus', status: 'ok', since }] }))
    expect(await askFront(port)).toEqual({ http: 200, status: 'ready', code: undefined })
  })

  it('is that of a service which says what it lacks', async () => {
    const checks = [{ name: 'bus', status: 'failing', since, code: 'consumer_lost' }]
    const port = await portOf(json(503, { status: 'not_ready', checks }))
    expect(await askFront(port)).toEqual({ http: 503, status: 'not_ready', code: 'consumer_lost' })
  })

  const silent: [string, RequestListener][] = [
    ['stops and refuses', json(503, { type: 'about:blank', title: 'Stopping', status: 503, code: 'shutting_down' })],
    ['answers with nothing that is a report', json(200, null)],
    [
      'breaks off in the middle',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write('{"status":"ready",', () => response.destroy())
      },
    ],
  ]

  it.each(silent)('is none when one %s', async (_how, listener) => {
    expect(await askFront(await portOf(listener))).toEqual({ http: 503, status: 'not_ready', code: 'no_answer' })
  })

  it('is none when one is not there', async () => {
    expect(await askFront(undefined)).toEqual({ http: 503, status: 'not_ready', code: 'no_answer' })
  })
})
