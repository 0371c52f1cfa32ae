import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { run } from '../run.ts'
import { sessionFile, writeSession } from '../sign-in/session.ts'

const freezeId = '0199f1f0-7a1c-7000-8000-0000000000aa'
const listed = { freezeId, frozenBy: freezeId, frozenAt: '2026-11-22T07:00:00.000Z' }

let folder: string
let server: Server
let asked: { readonly line: string; readonly authorization: string | undefined; readonly body: unknown }[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-freeze-'))
  asked = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const { authorization } = request.headers
      const body: unknown = text === '' ? undefined : JSON.parse(text)
      asked.push({ line: `${request.method} ${request.url}`, authorization, body })
      const freezes = [
        { ...listed, scope: { kind: 'producer', producer: 'etl' }, reason: 'a\u001b[2Jdrill' },
        { ...listed, scope: { kind: 'all' } },
      ]
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ freezeId, freezes }))
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

const countersign = async (argv: readonly string[], more: Record<string, string> = {}) => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = { HOME: folder, XDG_CONFIG_HOME: folder, NO_COLOR: '1', COUNTERSIGN_URL: baseUrl, ...more }
  const session = { baseUrl, issuer: baseUrl, token: 'olgas-token', expiresAt: Date.now() + 60_000 }
  await writeSession(sessionFile(env), session as never)
  const texts: string[] = []
  const sink = () => new Writable({ write: (chunk, _encoding, done) => (texts.push(String(chunk)), done()) })
  const streams = { stdout: sink(), stderr: sink() } as never
  const exitCode = await run([...argv, '--data-dir', folder], { streams, env, signal: new AbortController().signal })
  return { exitCode, text: texts.join('') }
}

it.each([
  [['all'], { kind: 'all' }],
  [['tenant'], { kind: 'tenant' }],
  [['producer', 'etl'], { kind: 'producer', producer: 'etl' }],
  [['agent', 'etl-bot'], { kind: 'agent', agent: 'etl-bot' }],
  [['action', 'data.export'], { kind: 'action', action: 'data.export' }],
  [['environment', 'production'], { kind: 'environment', environment: 'production' }],
])('freezes %j as who is signed in, and says how to lift it', async (words, scope) => {
  const { exitCode, text } = await countersign(['freeze', ...words, '--reason', 'a drill'])
  expect([exitCode, asked]).toEqual([
    0,
    [{ line: 'POST /v1/freezes', authorization: 'Bearer olgas-token', body: { scope, reason: 'a drill' } }],
  ])
  expect(text).toContain(`countersign unfreeze ${freezeId}`)
})

it('freezes with the credential of a file or of the environment, and without anybody’s token', async () => {
  const file = join(folder, 'credential')
  await writeFile(file, 'csf_x\n')
  await countersign(['freeze', 'all', '--reason', 'a drill', '--credential', file])
  await countersign(['freeze', 'all', '--reason', 'a drill', '--credential'], {
    COUNTERSIGN_FREEZE_CREDENTIAL: 'csf_y',
  })
  expect(asked.map(({ line, authorization }) => [line, authorization])).toEqual([
    ['POST /v1/emergency-freezes', 'Bearer csf_x'],
    ['POST /v1/emergency-freezes', 'Bearer csf_y'],
  ])
})

it.each([
  [['freeze', 'planet', '--reason', 'x']],
  [['freeze', 'agent', '--reason', 'x']],
  [['freeze', 'all', 'etl', '--reason', 'x']],
  [['freeze', 'all']],
  [['freeze', 'all', '--reason', 'x', '--credential']],
  [['freeze', 'all', '--reason', 'x', '--tenant', freezeId]],
  [['unfreeze', freezeId]],
  [['unfreeze', 'etl', '--reason', 'x']],
])('asks for nothing on %j', async (argv) => {
  expect((await countersign(argv)).exitCode).toBe(1)
  expect(asked).toEqual([])
})

it('lifts with a reason, and lists what is frozen without letting a text reach the terminal', async () => {
  await countersign(['unfreeze', freezeId, '--reason', 'it was a drill'])
  expect(asked[0]).toMatchObject({ line: `POST /v1/freezes/${freezeId}/unfreeze`, body: { reason: 'it was a drill' } })
  const { text } = await countersign(['freezes'])
  expect(text).toContain('producer etl')
  expect(text).toContain('the whole deployment')
  expect(text).not.toContain('\u001b')
})
