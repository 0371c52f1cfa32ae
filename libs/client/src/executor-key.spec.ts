import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { countersign } from './client.ts'
import { keyThumbprint, proveKey } from './executor-key.ts'

const request = { method: 'POST', url: 'https://countersign.example/v1/x', accessToken: 'a-token' }
const keys: [string, KeyObject][] = [
  ['Ed25519', generateKeyPairSync('ed25519').privateKey],
  ['P-256', generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey],
]

describe('an executor key', () => {
  it.each(keys)('of %s is proven for one request, and its private half stays', async (_name, key) => {
    const [first, second] = [await proveKey(key, request), await proveKey(key, request)]
    const { payload, protectedHeader } = await jwtVerify(first, EmbeddedJWK, { typ: 'dpop+jwt' })
    const ath = createHash('sha256').update('a-token').digest('base64url')
    expect(payload).toMatchObject({ htm: 'POST', htu: request.url, ath })
    expect(protectedHeader.jwk).not.toHaveProperty('d')
    expect(await calculateJwkThumbprint(protectedHeader.jwk ?? {})).toBe(await keyThumbprint(key))
    expect((await jwtVerify(second, EmbeddedJWK)).payload.jti).not.toBe(payload.jti)
  })

  it.each([
    ['public', generateKeyPairSync('ed25519').publicKey],
    ['of RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
  ])('that is %s is no executor key', async (_what, key) => {
    await expect(async () => proveKey(key, request)).rejects.toThrow(TypeError)
  })

  it('is proven anew each time that a collect is sent', async () => {
    const proofs: string[] = []
    const server = createServer((incoming, response) => {
      proofs.push(String(incoming.headers['dpop']))
      response.writeHead(proofs.length < 2 ? 503 : 403, { 'retry-after': '0' }).end('{"code":"frozen"}')
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = countersign({ baseUrl, token: async () => 'a-token', executorKey: keys[0]?.[1] })
    await expect(client.collect('an-intent')).rejects.toMatchObject({ code: 'frozen' })
    await new Promise((resolve) => server.close(resolve))
    const ids = await Promise.all(proofs.map(async (proof) => (await jwtVerify(proof, EmbeddedJWK)).payload))
    expect(ids.map(({ htu }) => htu)).toEqual(proofs.map(() => `${baseUrl}/v1/intents/an-intent/grant`))
    expect(new Set(ids.map(({ jti }) => jti)).size).toBe(2)
  })
})
