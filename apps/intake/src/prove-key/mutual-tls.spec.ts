import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'
import { buildService, createLog, mutualTlsOf, type Service } from '@countersign/service-kit'
import { type SelfSigned, selfSigned } from '@countersign/loopback/self-signed'
import { calculateJwkThumbprint, decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'

const own = selfSigned('etl-bot')
const other = selfSigned('etl-bot')
const server = selfSigned('countersign')

let folder: string
let world: IntakeOverHttp
const files = () => ({ MTLS_CERT_FILE: join(folder, 'server.crt'), MTLS_KEY_FILE: join(folder, 'server.key') })
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-mtls-'))
  await writeFile(files().MTLS_CERT_FILE, server.cert)
  await writeFile(files().MTLS_KEY_FILE, server.key, { mode: 0o600 })
  world = await intakeOverHttp({ MTLS_PORT: '0', ...files() })
})
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})
// How many refusals of a client get an event of their own in ten seconds is bounded; here each does.
beforeEach(() => world.superuser.query('delete from countersign.refusal_count'))

type Sent = {
  readonly by: SelfSigned | undefined
  readonly path: string
  readonly body?: object
  readonly as?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A POST over the port for mutual TLS, with a connection of its own. */
const send = async ({ by, path, body = {}, as = 'etl-bot', headers = {} }: Sent) => {
  const sending = request(new URL(path, world.mutualTlsUrl), {
    method: 'POST',
    agent: false,
    // The server's certificate is nobody's either; that is not what is looked at here.
    rejectUnauthorized: false,
    ...(by === undefined ? {} : { cert: by.cert, key: by.key }),
    headers: { authorization: `Bearer ${await world.tokenOf(as)}`, 'content-type': 'application/json', ...headers },
  })
  sending.end(JSON.stringify(body))
  const [response] = (await once(sending, 'response')) as [IncomingMessage]
  const answer = JSON.parse(await text(response)) as Record<string, unknown> & { code?: string }
  return { code: answer.code ?? 'ok', answer }
}

const allowed = async (): Promise<string> => {
  const body = world.body({ agent: { name: 'etl-bot' } })
  const { answer } = await world.call({ as: 'etl-bot', path: '/v1/intents', body, key: world.newId() })
  await world.allow(String(answer.intentId))
  return `/v1/intents/${String(answer.intentId)}/grant`
}

/** A grant that was collected with the own certificate, and what redeems it. */
const granted = async () => {
  const { answer } = await send({ by: own, path: await allowed() })
  const { action, target, environment, parameters } = world.body()
  const body = () => ({ token: answer['token'], redemptionId: world.newId(), action, target, environment, parameters })
  return { token: String(answer['token']), path: `/v1/grants/${String(answer['grantId'])}/redeem`, body }
}

/** Headers by which proxies tell what certificate a client showed them. */
const forwarded = (): Record<string, string> => {
  const der = own.cert.replaceAll(/-----[^-]+-----|\n/g, '')
  return {
    'client-cert': `:${der}:`,
    'x-forwarded-client-cert': `Hash=${Buffer.from(own.thumbprint, 'base64url').toString('hex')}`,
    'x-ssl-client-cert': encodeURIComponent(own.cert),
    'x-client-cert': der,
  }
}

describe('a grant that was collected over mutual TLS', () => {
  it('names the certificate in its token and its event, and is redeemed over a connection with the same', async () => {
    const { token, path, body } = await granted()
    expect(decodeJwt(token)['cnf']).toEqual({ client_id: 'etl-bot', 'x5t#S256': own.thumbprint })
    const { rows } = (await world.superuser.query(
      `select data -> 'credential' as credential from countersign.event where type like '%.GrantIssued.v1'
       order by position desc limit 1`,
    )) as { rows: { credential: object }[] }
    expect(rows[0]?.credential).toEqual({
      kind: 'oauth_client',
      clientId: 'etl-bot',
      certificateThumbprint: own.thumbprint,
    })
    expect((await send({ by: own, path, body: body() })).code).toBe('ok')
  })

  it.each<[string, Partial<Sent>, string]>([
    ['with another certificate of the same name', { by: other }, 'certificate_mismatch'],
    ['without a certificate', { by: undefined }, 'certificate_missing'],
    ['without one, by headers that name it', { by: undefined, headers: forwarded() }, 'certificate_missing'],
    ['with another one, by headers that name it', { by: other, headers: forwarded() }, 'certificate_mismatch'],
    ['by a proof that is broken', { by: own, headers: { dpop: 'x' } }, 'dpop_invalid'],
    ['by another client with the certificate', { by: own, as: 'other-bot' }, 'wrong_executor'],
  ])('is not redeemed %s, and that is recorded', async (_what, change, code) => {
    const { path, body } = await granted()
    const before = await world.attempts('GrantRefused')
    expect((await send({ by: own, path, body: body(), ...change })).code).toBe(code)
    const added = (await world.attempts('GrantRefused')).slice(before.length)
    expect(added).toMatchObject([{ step: 'redeem', code }])
    expect((await send({ by: own, path, body: body() })).code).toBe('ok')
  })

  it('is not redeemed on the port without TLS, whatever headers say', async () => {
    const { path, body } = await granted()
    const plain = (headers: Record<string, string>) => world.call({ as: 'etl-bot', path, body: body(), headers })
    expect((await plain({})).code).toBe('certificate_missing')
    expect((await plain(forwarded())).code).toBe('certificate_missing')
  })
})

describe('a grant that was collected over mutual TLS, collected again', () => {
  it('is given to the same certificate alone', async () => {
    const path = await allowed()
    const first = await send({ by: own, path })
    expect((await send({ by: other, path })).code).toBe('certificate_mismatch')
    expect((await send({ by: undefined, path, headers: forwarded() })).code).toBe('certificate_missing')
    const plain = await world.call({ as: 'etl-bot', path, headers: forwarded() })
    expect(plain.code).toBe('certificate_missing')
    expect((await send({ by: own, path })).answer['grantId']).toBe(first.answer['grantId'])
  })
})

describe('an agent that is registered with a key', () => {
  it('proves it by a certificate over that key', async () => {
    const register = (thumbprint: string | null) =>
      world.superuser.query(`update countersign.agent set executor_key_thumbprint = $1 where name = 'etl-bot'`, [
        thumbprint,
      ])
    await register(await calculateJwkThumbprint(own.jwk))
    const path = await allowed()
    expect((await send({ by: other, path })).code).toBe('dpop_missing')
    expect((await send({ by: undefined, path, headers: forwarded() })).code).toBe('dpop_missing')
    expect((await send({ by: own, path })).code).toBe('ok')
    await register(null)
  })
})

describe('the port for mutual TLS', () => {
  const started: Service[] = []
  afterEach(async () => {
    for (const service of started.splice(0)) await service.stop()
  })

  /** A service of its own that lets in what the issuers in the file issued. */
  const letting = async (issuers: string) => {
    const caFile = join(folder, 'ca.crt')
    await writeFile(caFile, issuers)
    const settings = { MTLS_PORT: 0, MTLS_HOST: '127.0.0.1', MTLS_CLIENT_CA_FILE: caFile, ...files() }
    const mutualTls = mutualTlsOf(settings)
    if (mutualTls === undefined) throw new Error('there is a port')
    const log = createLog({ service: 'nothing', level: 'silent' })
    const compose = () => ({ module: class Nothing {}, mutualTls })
    const service = await buildService({ name: 'nothing', config: {}, log, compose })
    started.push(service)
    await service.start()
    const reach = (by: SelfSigned | undefined): Promise<number | undefined> =>
      new Promise((resolve) => {
        const shown = by === undefined ? {} : { cert: by.cert, key: by.key }
        const asking = request(`${service.mutualTlsUrl}/healthz`, { agent: false, rejectUnauthorized: false, ...shown })
        asking.once('response', (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        asking.once('error', () => resolve(undefined))
        asking.end()
      })
    return { caFile, settings, service, reach }
  }

  it('lets in only certificates of the issuers that are configured, where there are any, and none that has run out', async () => {
    const over = selfSigned('etl-bot', { goodForMs: -1_000 })
    const { service, reach } = await letting(own.cert + over.cert)
    expect([await reach(own), await reach(over), await reach(other), await reach(undefined)]).toEqual([
      200,
      undefined,
      undefined,
      undefined,
    ])
    expect(await service.stop()).toBe('drained')
    expect(await reach(own)).toBeUndefined()
  })

  it.each(['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'keeps the issuers of before when their file holds none any more, and does not begin with such a file: %j',
    async (none) => {
      const { caFile, settings, reach } = await letting(own.cert)
      await writeFile(caFile, none)
      expect(() => mutualTlsOf(settings)).toThrow('MTLS_CLIENT_CA_FILE')
      // Long enough for it to be looked at; it holds whether or not it was.
      await new Promise((resolve) => setTimeout(resolve, 1_100))
      expect([await reach(own), await reach(own), await reach(other)]).toEqual([200, 200, undefined])
      await writeFile(caFile, other.cert)
      await expect.poll(() => reach(other), { timeout: 20_000, interval: 50 }).toBe(200)
      expect(await reach(own)).toBeUndefined()
    },
  )

  it('speaks TLS 1.3 alone, and takes no session up again: each connection proves the key anew', async () => {
    const { hostname: host, port } = new URL(world.mutualTlsUrl ?? '')
    const to = { host, port: Number(port), cert: own.cert, key: own.key, rejectUnauthorized: false }
    const older = connect({ ...to, maxVersion: 'TLSv1.2' })
    await expect(once(older, 'secureConnect')).rejects.toThrow()
    const first = connect(to)
    const session = once(first, 'session')
    first.write('GET /healthz HTTP/1.1\r\nhost: countersign\r\n\r\n')
    const [ticket] = (await session) as [Buffer]
    first.destroy()
    const second = connect({ ...to, session: ticket })
    await once(second, 'secureConnect')
    expect([second.getProtocol(), second.isSessionReused()]).toEqual(['TLSv1.3', false])
    second.destroy()
  })

  it('takes a renewed certificate without a start, and keeps that of before when the files do not fit', async () => {
    const renewed = selfSigned('countersign', { hosts: ['127.0.0.1'] })
    const serves = (expected: SelfSigned): Promise<boolean> =>
      new Promise((resolve) => {
        const asking = request(`${world.mutualTlsUrl}/healthz`, { agent: false, rejectUnauthorized: false })
        asking.once('response', (response) => {
          const shown = (response.socket as TLSSocket).getPeerX509Certificate()?.raw
          response.resume()
          resolve(shown !== undefined && createHash('sha256').update(shown).digest('base64url') === expected.thumbprint)
        })
        asking.once('error', () => resolve(false))
        asking.end()
      })
    expect(await serves(server)).toBe(true)
    await writeFile(files().MTLS_CERT_FILE, renewed.cert)
    // Long enough for it to be looked at; it holds whether or not it was.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(await serves(server)).toBe(true)
    await writeFile(files().MTLS_KEY_FILE, renewed.key)
    await expect.poll(() => serves(renewed), { timeout: 20_000, interval: 50 }).toBe(true)
    const { path, body } = await granted()
    expect((await send({ by: own, path, body: body() })).code).toBe('ok')
  })

  it('needs a certificate and a key that can be read', () => {
    const settings = { MTLS_PORT: 0, MTLS_HOST: '127.0.0.1' }
    expect(() => mutualTlsOf({ ...settings, MTLS_KEY_FILE: files().MTLS_KEY_FILE })).toThrow()
    expect(() => mutualTlsOf({ ...settings, ...files(), MTLS_CERT_FILE: join(folder, 'none') })).toThrow()
    expect(mutualTlsOf({ MTLS_HOST: '127.0.0.1' })).toBeUndefined()
  })
})
