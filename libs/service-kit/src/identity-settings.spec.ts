import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type IdentityConfig, identitySettings, tokenVerifierFor, trustedIssuers } from './identity-settings.ts'
import { ConfigError, type Environment, readConfig } from './read-config.ts'

let folder: string
let file: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-issuers-'))
  file = join(folder, 'issuers.json')
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = (env: Environment): IdentityConfig =>
  readConfig(Type.Object(identitySettings), env) as unknown as IdentityConfig
const problemOf = (env: Environment): string => {
  try {
    tokenVerifierFor(read(env))
    return 'none'
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('\n')
    throw error
  }
}
const withFile = (content: unknown, env: Environment = {}): Environment => {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return { OIDC_ISSUERS_FILE: file, ...env }
}
const ci = { issuer: 'https://ci.example', audience: 'countersign-ci', speaksFor: 'agents', workload: true }

describe('the issuers of a service', () => {
  it('are one by the short form', () => {
    expect(trustedIssuers(read({ OIDC_ISSUER: 'https://id.example' }))).toEqual([
      { issuer: 'https://id.example', audience: 'countersign' },
    ])
  })

  it('are those of the file behind it, with the audience of the service where they name none', () => {
    const env = withFile({ issuers: [ci, { issuer: 'https://b.example' }] }, { OIDC_ISSUER: 'https://id.example' })
    expect(trustedIssuers(read(env))).toEqual([
      { issuer: 'https://id.example', audience: 'countersign' },
      ci,
      { issuer: 'https://b.example', audience: 'countersign' },
    ])
    expect(problemOf(env)).toBe('none')
  })

  it.each<[string, unknown, string]>([
    ['no JSON', '{', 'expected the path of a readable JSON file'],
    ['a field too many', { issuers: [{ ...ci, clientSecret: 'hidden-away' }] }, '/issuers/0'],
    ['a wrong word', { issuers: [{ ...ci, speaksFor: 'robots' }] }, '/issuers/0/speaksFor'],
    ['the same issuer twice', { issuers: [ci, ci] }, 'each issuer is trusted once'],
    ['a workload issuer for people', { issuers: [{ ...ci, speaksFor: 'both' }] }, 'speaks for agents only'],
    ['plain http', { issuers: [{ issuer: 'http://id.example' }] }, 'is not an https URL'],
    ['no issuer at all', { issuers: [] }, 'OIDC_ISSUER: expected'],
  ])('stop the service when the file has %s; its content is not told', (_what, content, said) => {
    const problem = problemOf(withFile(content))
    expect(problem).toContain(said)
    expect(problem).not.toContain('hidden-away')
  })

  it('have to be named, in a file that can be read', () => {
    expect(problemOf({})).toContain('OIDC_ISSUER: expected')
    expect(problemOf({ OIDC_ISSUERS_FILE: join(folder, 'none.json') })).toContain('readable JSON file')
  })
})

describe('a file of issuers that is written anew', () => {
  it('is followed without a start; one that cannot be used changes nothing and is told once', async () => {
    const told: string[] = []
    const log = {
      info: (_fields: object, text: string) => void told.push(text),
      warn: (_fields: object, text: string) => void told.push(text),
    }
    const verifier = tokenVerifierFor(read(withFile({ issuers: [ci] })), log as never)
    // Nobody listens there: a token of an issuer that is trusted cannot be verified, any other is invalid at once.
    const issuer = 'http://127.0.0.1:1'
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const header = { alg: 'ES256', typ: 'at+jwt', kid: '1' }
    const token = `${encoded(header)}.${encoded({ iss: issuer })}.c2ln`
    const ask = async () => {
      const answer = await verifier.verify(token)
      return answer.ok ? 'ok' : answer.code
    }
    expect(await ask()).toBe('token_invalid')
    withFile({ issuers: [ci, { issuer, audience: 'x' }] })
    await expect.poll(ask, { timeout: 20_000, interval: 50 }).toBe('identity_provider_unavailable')
    withFile('{ no json')
    await expect.poll(async () => (await ask(), told.length), { timeout: 20_000, interval: 50 }).toBe(2)
    expect(await ask()).toBe('identity_provider_unavailable')
    withFile({ issuers: [ci] })
    await expect.poll(ask, { timeout: 20_000, interval: 50 }).toBe('token_invalid')
    expect(told).toEqual([
      'the issuers were read again',
      'the issuers could not be read again, those of before stay trusted',
      'the issuers were read again',
    ])
  })
})
