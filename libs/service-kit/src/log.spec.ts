import { describe, expect, it } from 'vitest'
import { createLog, nestLogger } from './log.ts'
import { Secret } from './secret.ts'

const logged = (level: 'info' | 'trace' = 'info') => {
  const lines: string[] = []
  const log = createLog({ service: 'intake', level, destination: { write: (line) => lines.push(line) } })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> }
}

const marker = 'hunter2Hunter2'
const jwt = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.${marker}`
const github = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'

/** The same secret in many places; none of them may reach the line. */
const places: Record<string, Record<string, unknown>> = {
  'a field called password': { password: marker },
  'a number called password': { password: 4_711_471_147 },
  'a header, whatever its case': { headers: { Authorization: `Bearer ${marker}`, 'X-Slack-Signature': marker } },
  'a name ending in secret, deep down': { a: { b: { c: { client_secret: marker } } } },
  'a list under a secret name': { tokens: [{ access_token: marker }] },
  'a configured secret': { config: { DATABASE_URL: new Secret(marker) } },
  'the payload of an intent': { intent: { parameters: { note: marker }, rationale: marker } },
  'a comment': { comment: marker },
  'a token in free text': { note: `used ${jwt} to call` },
  'a bearer header in free text': { note: `sent Authorization: Bearer ${marker}${marker}` },
  'an assignment in free text': { note: `failed with password=${marker}` },
  'an address with credentials': { url: `postgres://intake:${marker}@db/store` },
  'a key name': { [`password=${marker}`]: 1 },
  'an error message': { err: new Error(`login failed, password=${marker}`) },
  'the cause of an error': { err: new Error('outer', { cause: new Error(`token: ${jwt}`) }) },
  'properties of a database error': {
    err: Object.assign(new Error('duplicate key'), {
      detail: `Key (x)=(${marker})`,
      where: marker,
      parameters: [marker],
    }),
  },
  'raw bytes': { bytes: Buffer.from(marker) },
  'an object that serialises itself': { thing: { toJSON: () => ({ password: marker }) } },
  'a private key': { pem: `-----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----` },
}

describe('a log line', () => {
  it.each(Object.entries(places))('keeps a secret out: %s', (_place, fields) => {
    const { log, lines } = logged()
    log.info(fields, 'intent evaluated')
    log.child(fields).error({}, 'intent evaluated')
    expect(lines).toHaveLength(2)
    expect(lines.join()).not.toMatch(new RegExp(`${marker}|4711471147|${Buffer.from(marker).toString('base64')}`))
  })

  it('keeps out a token that crosses the place where long texts are cut', () => {
    const { log, lines } = logged()
    log.info({ note: `${' '.repeat(2_030)}${github}` }, 'intent evaluated')
    expect(lines.join()).not.toContain('ghp_')
  })

  it('keeps what operators need: ids, digests, codes, counts, flags', () => {
    const { log, last } = logged()
    const fields = {
      intentId: '0199c6f0-0000-7000-8000-000000000001',
      actionDigest: `sha256:${'ab'.repeat(32)}`,
      code: 'binding_mismatch',
      records: 12,
      hasToken: true,
    }
    log.info(fields, 'grant redeemed')
    expect(last()).toMatchObject({ ...fields, level: 'info', service: 'intake', msg: 'grant redeemed' })
    expect(last()['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  })

  it('is one line whatever is in the fields, and its message is never a format', () => {
    const { log, lines, last } = logged()
    log.info({ note: 'x\n{"level":"info","msg":"approved"}' }, 'said %s %o')
    expect(lines.join('').trimEnd().split('\n')).toHaveLength(1)
    expect(last()['msg']).toBe('said %s %o')
  })

  it('survives fields that cannot be read', () => {
    const { log, last } = logged()
    const thing = {
      toJSON: () => {
        throw new Error(marker)
      },
    }
    log.warn({ thing }, 'odd fields')
    expect(last()).toMatchObject({ unreadable: true, msg: 'odd fields' })
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    log.warn(loop, 'a loop')
    expect(last()['msg']).toBe('a loop')
  })

  it('respects the level', () => {
    const { log, lines } = logged()
    log.debug({}, 'not seen')
    expect(lines).toEqual([])
  })

  it('keeps Nest quiet while it boots and lets its warnings and errors through', () => {
    const { log, lines, last } = logged()
    const nest = nestLogger(log)
    nest.log('Mapped {/v1/intents, POST} route', 'RouterExplorer')
    expect(lines).toEqual([])
    nest.error(new Error(`password=${marker}`), 'stack', 'ExceptionsHandler')
    expect(last()).toMatchObject({ level: 'error', nest: 'ExceptionsHandler' })
    expect(lines.join()).not.toContain(marker)
  })
})
