import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { ServiceLog } from './service-log.ts'
import { ServiceProcess } from './service-process.ts'

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const anyPort = (): Promise<number> => {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** A process in a service's place that answers what is asked of it with these, one after the other and the last for good. */
const startAnswering = async (answers: readonly { status: number; body: unknown }[]) => {
  const program = `
    import { createServer } from 'node:http'
    const answers = ${JSON.stringify(answers)}
    createServer((_request, response) => {
      console.log('asked')
      const { status, body } = answers.length > 1 ? answers.shift() : answers[0]
      response.writeHead(status).end(JSON.stringify(body))
    }).listen(process.env.HTTP_PORT, '127.0.0.1')
    await new Promise(() => {})`
  const folder = await mkdtemp(join(tmpdir(), 'countersign-spec-'))
  ends.push(() => rm(folder, { recursive: true }))
  const log = new ServiceLog(join(folder, 'policy.log'), () => undefined)
  ends.push(() => log.close())
  const launched = new ServiceProcess({
    service: 'policy',
    port: await anyPort(),
    environment: {},
    log,
    nodeArguments: ['--import', `data:text/javascript,${encodeURIComponent(program)}`],
  })
  ends.push(() => launched.stop())
  return { launched, asked: () => log.last.length }
}

const since = '2026-01-01T00:00:00.000Z'
const stopping = { status: 503, body: { title: 'This instance is stopping', status: 503, code: 'shutting_down' } }
const consumersAre = (status: string) => ({
  status: 200,
  body: { status: 'ready', checks: [{ name: 'consumers', status, since }] },
})

it('a service consumes once it says so, whatever it answered before', async () => {
  const { launched } = await startAnswering([
    stopping,
    { status: 200, body: null },
    consumersAre('failing'),
    consumersAre('ok'),
  ])
  expect(await launched.consuming()).toBe(true)
})

it('a service that stops before it consumes never does, and what it answers meanwhile ends nobody else', async () => {
  const { launched, asked } = await startAnswering([stopping])
  const consuming = launched.consuming()
  await vi.waitFor(() => expect(asked()).toBeGreaterThan(2), { timeout: 20_000 })
  await launched.stop()
  expect(await consuming).toBe(false)
})
