import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { run } from '../run.ts'
import { sessionFile, writeSession } from '../sign-in/session.ts'

const id = (last: number): string => `0199f1f0-7a1c-7000-8000-00000000000${last}`
const at = '2026-11-22T07:00:00.000Z'
const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const kept = { owner: { group: 'data-owners' }, seeded: false, changedBy: id(1), changedAt: at }
const change = { changeId: 7, changedBy: id(1), changedAt: at, reason: 'moved\u001b[2J' }
const agent = {
  name: 'etl-bot',
  subjectId: id(2),
  kind: 'agent',
  producer: 'etl',
  issuer: 'https://id.example',
  clientId: null,
  executorKey: { thumbprint },
  ...kept,
  openChanges: [change],
}
const producer = { name: 'etl', issuer: 'https://id.example', clientId: 'etl', ...kept, openChanges: [] }
const group = { name: 'data-owners', members: 1, seeded: false, changedBy: id(1), changedAt: at, openChanges: [change] }
const grace = {
  person: id(3),
  issuer: 'https://id.example',
  subject: 'grace',
  displayName: 'Grace',
  active: true,
  groups: ['data-owners'],
}
const feed = {
  feedId: id(9),
  issuer: 'https://id.example',
  subjectFrom: 'externalId',
  maxAgeMs: 14_400_000,
  seenAt: at,
  stale: true,
  connectedBy: id(1),
  connectedAt: at,
  openChanges: [change],
}

let folder: string
let server: Server
let asked: { readonly line: string; readonly body: unknown }[]

const answerTo = (line: string, url: URL): object => {
  if (line.startsWith('GET /v1/directory/people')) {
    if (url.searchParams.get('subject') === 'nobody' || url.searchParams.get('person') === id(4)) return { people: [] }
    return url.searchParams.get('subject') === 'twice' ? { people: [grace, grace] } : { people: [grace] }
  }
  if (line.startsWith('GET /v1/directory/groups')) return { groups: [group] }
  if (line.startsWith('GET /v1/agents')) return { agents: [agent], next: 'etl-bot' }
  if (line.startsWith('GET /v1/producers')) return { producers: [producer] }
  if (line === 'POST /v1/directory/people') return { person: id(3), changed: true }
  if (line === 'POST /v1/directory/groups') return { group: 'data-owners', members: [id(3)], changed: true }
  if (line === 'GET /v1/directory/feed') return feed
  if (line.endsWith('/feed')) return { feedId: id(9), token: 'cs_scim_once', path: '/scim/v2' }
  if (line.endsWith('/review')) return { name: 'etl-bot', reviewed: [7], left: [9] }
  return { name: 'etl-bot', changed: true }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-registers-'))
  asked = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const line = `${request.method} ${request.url}`
      asked.push({ line, body: text === '' ? undefined : (JSON.parse(text) as unknown) })
      const url = new URL(request.url ?? '/', 'http://x')
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answerTo(line, url)))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

const countersign = async (...argv: string[]) => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = {
    XDG_CONFIG_HOME: folder,
    COUNTERSIGN_URL: baseUrl,
    COUNTERSIGN_DATA_DIR: folder,
    COUNTERSIGN_ISSUER: 'https://id.example',
  }
  await writeSession(sessionFile(env), { baseUrl, issuer: baseUrl, token: 'a-token', expiresAt: Date.now() + 60_000 })
  const text = { out: '', err: '' }
  const into = (name: 'out' | 'err') =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        text[name] += chunk.toString()
        done()
      },
    })
  const streams = { stdout: into('out'), stderr: into('err') }
  const exitCode = await run(argv, { streams, env, signal: new AbortController().signal })
  return { exitCode, ...text }
}
const posted = () => asked.filter(({ line }) => line.startsWith('POST'))

it('lists agents with owner, key and what is unreviewed, and says where the next page begins', async () => {
  const { exitCode, out, err } = await countersign('agents', 'list', '--producer', 'etl', '--limit', '3')
  expect(exitCode).toBe(0)
  expect(asked[0]?.line).toBe('GET /v1/agents?producer=etl&limit=3')
  expect(out).toMatch(/etl-bot +agent +etl +its producer’s +group data-owners +NzbLsXh8 +1 unreviewed/)
  expect(err).toBe('next: --after etl-bot\n')
  const json = await countersign('agents', 'list', '--json')
  expect(JSON.parse(json.out)).toEqual(agent)
})

it('shows what nobody has reviewed, with control characters made visible, and how to review it', async () => {
  const { out } = await countersign('agents', 'show', 'etl-bot')
  expect(out).toContain(`unreviewed     7 by ${id(1)} at ${at}: moved\\u001b[2J`)
  expect(out).toContain('countersign agents review etl-bot --up-to 7')
})

it('registers the thumbprint of a public key, never the key, and refuses a private one', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const jwk = publicKey.export({ format: 'jwk' })
  const file = join(folder, 'key.jwk')
  await writeFile(file, JSON.stringify(jwk))
  const registering = ['agents', 'register', 'etl-bot', '--producer', 'etl', '--owner-person', 'grace']
  const argv = [...registering, '--reason', 'nightly loads', '--executor-key', file]
  const { exitCode, out } = await countersign(...argv)
  expect(exitCode).toBe(0)
  const expected = await calculateJwkThumbprint(jwk as JWK)
  expect(out).toBe(`etl-bot is registered\nexecutor key ${expected}\n`)
  expect(posted()).toEqual([
    {
      line: 'POST /v1/agents/register',
      body: {
        name: 'etl-bot',
        kind: 'agent',
        producer: 'etl',
        owner: { person: id(3) },
        executorKey: { thumbprint: expected },
        reason: 'nightly loads',
      },
    },
  ])
  for (const [content, code] of [
    [JSON.stringify(privateKey.export({ format: 'jwk' })), 40],
    ['{"kty":"oct","k":"c2VjcmV0"}', 40],
    ['{"kty":"OKP"}', 40],
    ['[]', 40],
    ['no json', 40],
  ] as const) {
    await writeFile(file, content)
    const refused = await countersign(...argv)
    expect([refused.exitCode, refused.err.includes('c2VjcmV0')]).toEqual([code, false])
  }
  expect(posted()).toHaveLength(1)
  await countersign(...registering, '--reason', 'it runs without a key', '--no-executor-key')
  expect(posted().at(-1)?.body).toMatchObject({ executorKey: null })
  await countersign(...registering, '--reason', 'the key stays')
  expect(posted().at(-1)?.body).not.toHaveProperty('executorKey')
})

it.each([
  ['agents', 'register', 'x', '--producer', 'etl', '--owner-group', 'g'],
  ['agents', 'remove', 'x'],
  ['agents', 'review', 'x', '--up-to', '7'],
  ['producers', 'register', 'x', '--client', 'x', '--owner-group', 'g'],
  ['people', 'register', 'x', '--name', 'X'],
  ['people', 'deactivate', 'grace'],
  ['seats', 'add', 'data-owners', 'grace'],
  ['seats', 'remove', 'data-owners', 'grace'],
])('changes nothing without a reason: %s %s', async (...argv) => {
  expect((await countersign(...argv)).exitCode).toBe(1)
  expect(asked).toEqual([])
  expect((await countersign(...argv, '--reason', 'because')).exitCode).toBe(0)
  expect(posted()).toMatchObject([{ body: { reason: 'because' } }])
})

it('takes one owner: a person or a group', async () => {
  const argv = ['agents', 'register', 'x', '--producer', 'etl', '--reason', 'y']
  expect((await countersign(...argv)).exitCode).toBe(1)
  expect((await countersign(...argv, '--owner-group', 'g', '--owner-person', 'grace')).exitCode).toBe(1)
  expect(posted()).toEqual([])
})

it('registers producers at the issuer of the deployment unless another is named', async () => {
  const argv = ['producers', 'register', 'ci', '--client', 'ci', '--owner-group', 'platform', '--reason', 'deploys']
  await countersign(...argv)
  await countersign(...argv, '--issuer', 'https://ci.example')
  expect(posted().map(({ body }) => (body as { issuer: string }).issuer)).toEqual([
    'https://id.example',
    'https://ci.example',
  ])
  expect((await countersign('producers', 'show', 'etl')).out).toMatch(/client +etl at https:\/\/id.example/)
})

it('names a person by id or by the subject of one issuer, never by what two people may have', async () => {
  expect((await countersign('people', 'show', 'nobody')).exitCode).toBe(2)
  expect((await countersign('people', 'show', 'twice')).exitCode).toBe(1)
  expect((await countersign('people', 'show', id(3))).out).toContain('subject   grace at https://id.example')
  expect(asked.at(-1)?.line).toBe(`GET /v1/directory/people?person=${id(3)}&limit=2`)
})

it('deactivates a person as the directory names them, and puts people into groups', async () => {
  const { out } = await countersign('people', 'deactivate', 'grace', '--reason', 'left')
  expect(out).toBe(`${id(3)} is inactive\n`)
  expect(posted().at(-1)?.body).toEqual({
    issuer: 'https://id.example',
    subject: 'grace',
    displayName: 'Grace',
    active: false,
    reason: 'left',
  })
  await countersign('seats', 'add', 'data-owners', 'grace', id(3), '--reason', 'on call')
  expect(posted().at(-1)?.body).toEqual({ group: 'data-owners', add: [id(3), id(3)], reason: 'on call' })
  expect((await countersign('seats', 'show', 'data-owners')).out).toMatch(/data-owners, 1 members[^]*grace +Grace/)
})

it('prints the credential of a directory once, with the address for it', async () => {
  const argv = ['seats', 'connect-scim', '--max-age', '4h', '--reason', 'people are kept elsewhere']
  const { out, err } = await countersign(...argv)
  expect(out).toMatch(/^address +http:\/\/127.0.0.1:\d+\/scim\/v2\ncredential +cs_scim_once\n$/)
  expect(err).toContain('not shown again')
  expect(posted().at(-1)?.body).toEqual({
    issuer: 'https://id.example',
    subjectFrom: 'externalId',
    maxAgeMs: 14_400_000,
    reason: 'people are kept elsewhere',
  })
})

it('says when the directory was heard of, by its exit code that this is too long ago, and reviews who connected it', async () => {
  const { exitCode, out } = await countersign('seats', 'scim')
  expect(exitCode).toBe(2)
  expect(out).toContain('STALE')
  expect(out).toContain('countersign seats review-scim --up-to 7')
  await countersign('seats', 'review-scim', '--up-to', '7', '--reason', 'ours')
  expect(posted().at(-1)).toEqual({
    line: 'POST /v1/directory/feed/review',
    body: { name: 'scim', upTo: 7, reason: 'ours' },
  })
})

it('reviews the changes of somebody else, and says which are one’s own', async () => {
  const { out } = await countersign('agents', 'review', 'etl-bot', '--up-to', '9', '--reason', 'checked')
  expect(out).toBe('reviewed 7\n9 are your own: somebody else has to look\n')
  expect(posted().at(-1)).toEqual({
    line: 'POST /v1/agents/review',
    body: { name: 'etl-bot', upTo: 9, reason: 'checked' },
  })
  await countersign('seats', 'review', 'data-owners', '--up-to', '7', '--reason', 'checked')
  expect(posted().at(-1)?.line).toBe('POST /v1/directory/groups/review')
})

it('takes what looks like an id for a subject where an issuer is named, or nobody has that id', async () => {
  await countersign('people', 'show', id(4))
  await countersign('people', 'show', id(3), '--issuer', 'https://kc.example')
  expect(asked.map(({ line }) => line)).toEqual([
    `GET /v1/directory/people?person=${id(4)}&limit=2`,
    `GET /v1/directory/people?subject=${id(4)}&limit=2`,
    `GET /v1/directory/people?subject=${id(3)}&issuer=https%3A%2F%2Fkc.example&limit=2`,
  ])
})
