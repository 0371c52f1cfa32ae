import { Controller, Get, Module } from '@nestjs/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BearerVerifier, Requester } from './auth.ts'
import { buildService, type Service } from './build-service.ts'
import { createLog } from './log.ts'
import { Public } from './route-rules.ts'

type Identity = { readonly subject: string }

@Controller()
class IntentController {
  @Get('mine')
  mine(@Requester() requester: Identity) {
    return requester
  }

  @Get('open')
  @Public()
  open() {
    return { open: true }
  }
}

@Module({ controllers: [IntentController] })
class IntentModule {}

const verifier: BearerVerifier<Identity> = {
  verify: async (bearer) => {
    if (bearer === 'down') throw new Error('connect ECONNREFUSED hunter2')
    if (bearer === 'unavailable') return { ok: false, code: 'identity_provider_unavailable' }
    if (bearer === 'old') return { ok: false, code: 'token_expired' }
    if (bearer === 'bot') return { ok: false, code: 'not_human' }
    if (bearer === 'odd') return { ok: false, code: 'signature_mismatch_of_hunter2' }
    return { ok: true, identity: { subject: bearer } }
  },
}

const build = (own?: BearerVerifier) =>
  buildService({
    name: 'intake',
    config: {},
    log: createLog({ service: 'intake', level: 'silent' }),
    compose: () => ({ module: IntentModule, ...(own ? { verifier: own } : {}) }),
  })

let service: Service
let url: string
beforeAll(async () => {
  service = await build(verifier)
  url = await service.listen({ port: 0 })
})
afterAll(async () => {
  await service.stop()
})

const get = async (path: string, authorization?: string) => {
  const response = await fetch(`${url}${path}`, { headers: authorization === undefined ? {} : { authorization } })
  const body = await response.text()
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    code: (JSON.parse(body) as { code?: string }).code,
    body,
  }
}

describe('the bearer guard', () => {
  it('gives the controller the identity behind the token', async () => {
    expect((await get('/mine', 'Bearer dana')).body).toBe('{"subject":"dana"}')
    expect((await get('/mine', 'bearer dana')).status).toBe(200)
  })

  it('asks for a token without naming an error when there is none', async () => {
    expect(await get('/mine')).toMatchObject({
      status: 401,
      code: 'token_missing',
      challenge: 'Bearer realm="countersign"',
    })
  })

  it.each(['Basic ZGFuYTo=', 'Bearer', 'Bearer a b', 'Bearer <x>', `Bearer ${'a'.repeat(8_193)}`, 'dana'])(
    'refuses %s',
    async (authorization) => {
      expect(await get('/mine', authorization)).toMatchObject({
        status: 401,
        code: 'token_invalid',
        challenge: 'Bearer realm="countersign", error="invalid_token"',
      })
    },
  )

  it.each([
    ['old', 401, 'token_expired'],
    ['bot', 403, 'not_human'],
    ['unavailable', 503, 'identity_provider_unavailable'],
    ['down', 503, 'identity_provider_unavailable'],
    ['odd', 401, 'token_invalid'],
  ])('answers a token that is %s with %i %s', async (bearer, status, code) => {
    const answer = await get('/mine', `Bearer ${bearer}`)
    expect(answer).toMatchObject({ status, code })
    expect(answer.challenge === null).toBe(status !== 401)
    expect(answer.body).not.toContain('hunter2')
  })

  it('lets public routes and probes through without a token', async () => {
    expect((await get('/open')).status).toBe(200)
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/readyz')).status).toBe(200)
  })

  it('keeps every other route shut in a service without a verifier', async () => {
    const bare = await build()
    const address = await bare.listen({ port: 0 })
    const shut = await fetch(`${address}/mine`, { headers: { authorization: 'Bearer dana' } })
    const open = await fetch(`${address}/open`)
    expect([shut.status, open.status]).toEqual([503, 200])
    await bare.stop()
  })
})
