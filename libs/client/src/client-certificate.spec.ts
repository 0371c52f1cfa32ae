import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type SelfSigned, selfSigned } from '@countersign/loopback/self-signed'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { countersign } from './client.ts'
import type { ClientCertificate } from './client-certificate.ts'
import { ProofInvalid, Unreachable } from './errors.ts'

const own = selfSigned('etl-bot')
const server = selfSigned('countersign', { hosts: ['127.0.0.1'] })
const trusted = { cert: own.cert, key: own.key, ca: server.cert }
const baseUrl = 'http://127.0.0.1:9/countersign'

let close: (() => Promise<void>) | undefined
afterEach(async () => {
  await close?.()
  close = undefined
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void
const refusing: Answer = (_request, response) => response.writeHead(403).end('{"code":"frozen"}')

/** A deployment's port for certificates, and what came in there. */
const listening = async (answer: Answer = refusing, { cert, key }: SelfSigned = server) => {
  const seen: { path: string | undefined; shown: string | undefined; dpop: unknown }[] = []
  const listener = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const { socket, url: path, headers } = request
    const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.toString() : undefined
    seen.push({ path, shown, dpop: headers['dpop'] })
    answer(request, response)
  })
  await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve))
  close = () =>
    new Promise((resolve) => {
      listener.close(() => resolve())
      listener.closeAllConnections()
    })
  return { url: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`, seen }
}

const clientWith = (certificate: ClientCertificate, more = {}) =>
  countersign({ baseUrl, token: async () => 'a-token', certificate, ...more })

describe('a client with a certificate', () => {
  it('shows it where the deployment takes certificates, and proves its key for the public address there', async () => {
    const { url, seen } = await listening()
    const executorKey = generateKeyPairSync('ed25519').privateKey
    const client = clientWith({ ...trusted, url }, { executorKey })
    await expect(client.collect('an-intent')).rejects.toMatchObject({ code: 'frozen', status: 403 })
    expect(seen).toMatchObject([{ path: '/v1/intents/an-intent/grant', shown: own.cert }])
    expect(decodeJwt(String(seen[0]?.dpop))['htu']).toBe(`${baseUrl}/v1/intents/an-intent/grant`)
  })

  it('sends nothing to a server whose certificate it cannot trust, and does not ask again', async () => {
    const { url, seen } = await listening()
    for (const ca of [own.cert, undefined]) {
      await expect(clientWith({ ...trusted, ca, url }).collect('an-intent')).rejects.toThrow(ProofInvalid)
    }
    const elsewhere = await listening(refusing, selfSigned('countersign', { hosts: ['countersign.example'] }))
    await expect(clientWith({ ...trusted, url: elsewhere.url }).collect('an-intent')).rejects.toThrow(ProofInvalid)
    expect([...seen, ...elsewhere.seen]).toEqual([])
  })

  it('asks again while nobody answers, and follows no redirect', async () => {
    const { url, seen } = await listening((_request, response) => response.writeHead(503, { 'retry-after': '0' }).end())
    await expect(clientWith({ ...trusted, url }).collect('an-intent')).rejects.toMatchObject({ status: 503 })
    expect(seen).toHaveLength(4)
    await close?.()
    const moved = await listening((_request, response) => response.writeHead(307, { location: '/elsewhere' }).end())
    await expect(clientWith({ ...trusted, url: moved.url }).collect('an-intent')).rejects.toThrow(Unreachable)
    expect(moved.seen.map(({ path }) => path)).not.toContain('/elsewhere')
  })

  it('ends when its caller gives up, with the reason of the caller', async () => {
    const enough = new Error('enough')
    const giving = new AbortController()
    const { url } = await listening(() => giving.abort(enough))
    await expect(clientWith({ ...trusted, url }).collect('an-intent', giving.signal)).rejects.toBe(enough)
  })

  it.each<[string, Partial<ClientCertificate>]>([
    ['an address without TLS', { url: 'http://127.0.0.1:7443' }],
    ['the base URL, when that has none', { url: undefined }],
    ['the key of another certificate', { key: selfSigned('etl-bot').key, url: 'https://127.0.0.1:7443' }],
    ['what is no certificate', { cert: 'hunter2', url: 'https://127.0.0.1:7443' }],
  ])('is none with %s', (_what, change) => {
    expect(() => clientWith({ ...trusted, ...change })).toThrow(TypeError)
    expect(() => clientWith({ ...trusted, ...change })).not.toThrow('hunter2')
  })
})
