import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { topics } from '@countersign/contracts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { run } from '../run.ts'
import { sessionFile, writeSession } from '../sign-in/session.ts'

const id = (last: number): string => `0199f1f0-7a1c-7000-8000-00000000000${last}`
const value = Buffer.from([0, 255, 10, 65])
const record = {
  quarantineId: id(1),
  producer: 'etl',
  topic: topics.intents('etl'),
  position: '2:4711',
  group: 'countersign.intake.etl',
  reason: 'invalid_json',
  hash: null,
  bytes: 4,
  kept: true,
  publishedAt: '2026-11-21T10:00:00.000Z',
  quarantinedAt: '2026-11-21T10:00:00.050Z',
  redrives: 0,
}

let folder: string
let server: Server
let asked: { readonly line: string; readonly body: unknown }[]

/** Answers as intake does; the second page of a redrive begins behind the first one's record. */
const answerTo = (line: string, body: { after?: string }): object => {
  if (line === 'POST /v1/quarantine/redrive' && body.after === undefined)
    return { records: [{ quarantineId: id(1), outcome: 'taken' }], next: id(1) }
  if (line === 'POST /v1/quarantine/redrive')
    return { records: [{ quarantineId: id(2), outcome: 'refused', code: 'id_conflict' }] }
  if (line.endsWith('/content'))
    return { quarantineId: id(1), key: null, contentType: null, value: value.toString('base64') }
  if (line === 'GET /v1/parked')
    return {
      keys: [
        {
          group: 'countersign.policy',
          topic: topics.events,
          key: id(3),
          reason: 'poison',
          records: 2,
          parkedAt: record.publishedAt,
        },
      ],
    }
  if (line === 'POST /v1/parked/redrive') return { records: 2 }
  return line.startsWith('GET /v1/quarantine?') ? { records: [record], next: id(1) } : record
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-quarantine-'))
  asked = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as object
      const line = `${request.method} ${request.url}`
      asked.push({ line, body })
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answerTo(line, body)))
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
  const env = { XDG_CONFIG_HOME: folder, COUNTERSIGN_URL: baseUrl, COUNTERSIGN_DATA_DIR: folder }
  await writeSession(sessionFile(env), { baseUrl, issuer: baseUrl, token: 'a-token', expiresAt: Date.now() + 60_000 })
  const chunks: Buffer[] = []
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk)
      done()
    },
  })
  const stderr = new Writable({ write: (_chunk, _encoding, done) => done() })
  const exitCode = await run(argv, { streams: { stdout, stderr }, env, signal: new AbortController().signal })
  return { exitCode, out: Buffer.concat(chunks) }
}

it('lists what is in quarantine, by reason and topic', async () => {
  const { exitCode, out } = await countersign('quarantine', 'list', '--reason', 'invalid_json', '--limit', '7')
  expect(exitCode).toBe(0)
  expect(asked[0]?.line).toBe('GET /v1/quarantine?limit=7&state=open&reason=invalid_json')
  expect(out.toString()).toMatch(new RegExp(`${id(1)}.*invalid_json.*2:4711`))
})

it('shows where a record stood, and its bytes exactly, to a file of the owner only', async () => {
  const { out } = await countersign('quarantine', 'show', id(1))
  expect(out.toString()).toContain('2:4711')
  expect(asked.at(-1)?.line).toBe(`GET /v1/quarantine/${id(1)}`)
  expect((await countersign('quarantine', 'show', id(1), '--bytes')).out).toEqual(value)
  const file = join(folder, 'record.bin')
  await countersign('quarantine', 'show', id(1), '--bytes', '--output', file)
  expect(await readFile(file)).toEqual(value)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await countersign('quarantine', 'show', id(1), '--bytes', '--output', file)).exitCode).toBe(1)
})

it('redrives page by page, and says by its exit code that something was not taken', async () => {
  const { exitCode, out } = await countersign('quarantine', 'redrive', '--topic', topics.intents('etl'))
  expect(exitCode).toBe(2)
  expect(out.toString()).toBe(`${id(1)}  taken\n${id(2)}  refused  id_conflict\n`)
  expect(asked.map(({ body }) => body)).toEqual([
    { topic: topics.intents('etl') },
    { topic: topics.intents('etl'), after: id(1) },
  ])
})

it('redrives nothing unless it is told what', async () => {
  expect((await countersign('quarantine', 'redrive')).exitCode).toBe(1)
  expect(asked).toEqual([])
})

it('lists parked intents and lets one go', async () => {
  expect((await countersign('parked', 'list')).out.toString()).toMatch(
    new RegExp(`${id(3)}.*countersign.policy.*poison`),
  )
  const { out } = await countersign('parked', 'redrive', id(3), '--group', 'countersign.policy')
  expect(out.toString()).toBe('2 records are delivered again\n')
  expect(asked.at(-1)?.body).toEqual({ group: 'countersign.policy', topic: topics.events, key: id(3) })
})
