import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { listenOnLoopback, type LoopbackServer, type Reach } from './loopback-server.ts'

let server: LoopbackServer | undefined
afterEach(() => server?.close())

const start = async (reach: Reach): Promise<URL> => {
  server = await listenOnLoopback({ port: 0, reach })
  server.handle((_request, response) => void response.end('here'))
  return new URL(server.origin)
}

/** Status for somebody who connects to an address and asks for a host. */
const statusAt = async (address: string, port: string, host: string): Promise<number | undefined> => {
  const asked = request({ host: address, port, headers: { host } })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

// Only Linux has the whole of 127.0.0.0/8.
it.runIf(process.platform === 'linux')('listens on loopback only, unless a container publishes it there', async () => {
  const here = await start('loopback')
  await expect(statusAt('127.0.0.2', here.port, here.host)).rejects.toThrow('ECONNREFUSED')
  await server?.close()
  const published = await start('everywhere')
  expect(published.hostname).toBe('127.0.0.1')
  expect(await statusAt('127.0.0.2', published.port, published.host)).toBe(200)
})

it.each<Reach>(['loopback', 'everywhere'])('answers to no other name, listening %s', async (reach) => {
  const { port, host } = await start(reach)
  expect(await statusAt('127.0.0.1', port, host)).toBe(200)
  expect(await statusAt('127.0.0.1', port, `attacker.example:${port}`)).toBe(421)
})
