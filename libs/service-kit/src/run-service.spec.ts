import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { exitCodes } from './exit-codes.ts'

const moduleUrl = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)

/** A service of its own process: one slow route, which says on standard output when a request is in. */
const program = `
import { Controller, Get } from '@nestjs/common'
import { secretSetting } from ${moduleUrl('./config-schema.ts')}
import { Public } from ${moduleUrl('./route-rules.ts')}
import { runService } from ${moduleUrl('./run-service.ts')}
import { serviceSchema } from ${moduleUrl('./service-settings.ts')}

class SlowController {
  async slow() {
    process.stdout.write('{"msg":"request is in"}\\n')
    await new Promise((resolve) => process.once('SIGTERM', () => setImmediate(resolve)))
    return { done: true }
  }
}
Controller()(SlowController)
Public()(SlowController)
Get('slow')(SlowController.prototype, 'slow', Object.getOwnPropertyDescriptor(SlowController.prototype, 'slow'))

class SlowModule {}

const waitForBroker = () => {
  process.stdout.write('{"msg":"waits for the broker"}\\n')
  return new Promise(() => undefined)
}

await runService({
  name: 'policy',
  config: serviceSchema(0, { DATABASE_URL: secretSetting({ description: 'Where the store is' }) }),
  compose: ({ config }) => {
    if (config.DATABASE_URL.reveal() === 'store away') throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    if (config.DATABASE_URL.reveal() === 'bus away') throw Object.assign(new Error('x'), { name: 'KafkaJSConnectionError' })
    if (config.DATABASE_URL.reveal() === 'down') throw new Error('connect failed, password=hunter2')
    const consumers =
      config.DATABASE_URL.reveal() === 'no broker'
        ? [{ name: 'waits', start: waitForBroker, stop: async () => undefined }]
        : []
    const built = /^built (.*)/.exec(config.DATABASE_URL.reveal())?.[1]
    if (built !== undefined) {
      // A timer, as an open connection does, keeps the process.
      const waiting = setInterval(() => undefined, 60_000)
      const building = new Promise((resolve, reject) => {
        if (built !== 'never') process.once('SIGUSR2', () => {
          clearInterval(waiting)
          if (built === 'badly') reject(new Error('no such table'))
          else resolve({ module: SlowModule, onStop: async () => process.stdout.write('{"msg":"pool closed"}\\n') })
        })
      })
      process.stdout.write('{"msg":"is being built"}\\n')
      return building
    }
    if (config.DATABASE_URL.reveal() === 'defect') setImmediate(() => Promise.reject(new Error('defect')))
    return { module: { module: SlowModule, controllers: [SlowController] }, consumers }
  },
})
`

/** A service that is asked to stop as soon as it hears anything. */
const stoppedAtOnce = `
import { runService } from ${moduleUrl('./run-service.ts')}
import { serviceSchema } from ${moduleUrl('./service-settings.ts')}
const ran = runService({ name: 'policy', config: serviceSchema(0, {}), compose: () => { throw new Error('it is composed') } })
process.kill(process.pid, 'SIGTERM')
await ran
`

type Line = { readonly msg?: string; readonly url?: string; readonly level?: string; readonly problems?: string[] }

const run = (env: Record<string, string>, source = program) => {
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', source], {
    cwd: import.meta.dirname,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: Line[] = []
  const waiting: { readonly message: string; readonly found: (line: Line) => void }[] = []
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const line = JSON.parse(part) as Line
      lines.push(line)
      for (const { message, found } of waiting) if (line.msg === message) found(line)
    }
  })
  return {
    lines,
    line: (message: string): Promise<Line> =>
      new Promise((found) => {
        const known = lines.find((line) => line.msg === message)
        if (known) found(known)
        else waiting.push({ message, found })
      }),
    signal: (name: NodeJS.Signals) => child.kill(name),
    exit: new Promise<number | null>((resolve) => child.on('exit', resolve)),
  }
}

describe('a service as a process', () => {
  it('answers the request under way after SIGTERM and ends with 0', async () => {
    const service = run({ DATABASE_URL: 'x', LOG_LEVEL: 'info' })
    const { url } = await service.line('service ready')
    const answer = fetch(`${url}/slow`)
    await service.line('request is in')
    service.signal('SIGTERM')
    expect(await (await answer).json()).toEqual({ done: true })
    expect(await service.exit).toBe(exitCodes.stopped)
    expect(service.lines.map((line) => line.msg)).toEqual([
      'service ready',
      'request is in',
      'service stopping',
      'service stopped',
    ])
  })

  it('answers requests though the bus lets it wait', async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    const service = run({ DATABASE_URL: 'no broker', HTTP_PORT: String(port) })
    const isAnswering = () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
    while (!(await isAnswering())) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(service.lines).toEqual([{ msg: 'waits for the broker' }])
    service.signal('SIGKILL')
    await service.exit
  })

  it('stops in order, with 0, though the bus still lets it wait', async () => {
    const service = run({ DATABASE_URL: 'no broker' })
    await service.line('waits for the broker')
    service.signal('SIGTERM')
    expect(await service.exit).toBe(exitCodes.stopped)
    expect(service.lines.map((line) => line.msg)).toEqual([
      'waits for the broker',
      'service stopping',
      'service stopped',
    ])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'stops in order, with 0, though %s came while it was built',
    async (signal) => {
      const service = run({ DATABASE_URL: 'built in time' })
      await service.line('is being built')
      service.signal(signal)
      await service.line('service stopping')
      service.signal('SIGUSR2')
      expect(await service.exit).toBe(exitCodes.stopped)
      expect(service.lines.map((line) => line.msg)).toEqual([
        'is being built',
        'service stopping',
        'pool closed',
        'service stopped',
      ])
    },
  )

  it('ends with 0 when it was asked to stop and is not built then: nothing was under way', async () => {
    const service = run({ DATABASE_URL: 'built badly' })
    await service.line('is being built')
    service.signal('SIGTERM')
    await service.line('service stopping')
    service.signal('SIGUSR2')
    expect(await service.exit).toBe(exitCodes.stopped)
    expect(service.lines.at(-1)).toMatchObject({ msg: 'service stopped before it was built', level: 'warn' })
  })

  it('does not wait for ever to be built: with 1 after the time that a stop has, or at once when asked again', async () => {
    const once = run({ DATABASE_URL: 'built never', SHUTDOWN_TIMEOUT_MS: '100' })
    const twice = run({ DATABASE_URL: 'built never', SHUTDOWN_TIMEOUT_MS: '300000' })
    for (const service of [once, twice]) {
      await service.line('is being built')
      service.signal('SIGTERM')
      await service.line('service stopping')
    }
    twice.signal('SIGINT')
    expect(await once.exit).toBe(exitCodes.failed)
    expect(once.lines.at(-1)).toMatchObject({ msg: 'service stopped, something under way was broken off' })
    expect(await twice.exit).toBe(exitCodes.failed)
  })

  it('is not even built when it was asked to stop before that', async () => {
    const service = run({}, stoppedAtOnce)
    expect(await service.exit).toBe(exitCodes.stopped)
    expect(service.lines.map((line) => line.msg)).toEqual(['service stopping', 'service stopped'])
  })

  it('ends with 78 and every problem when its configuration is not usable', async () => {
    const service = run({ HTTP_PORT: 'hunter2', TRACES: 'hunter2' })
    expect(await service.exit).toBe(exitCodes.config)
    expect(service.lines).toHaveLength(1)
    expect(service.lines[0]?.problems).toEqual([
      'HTTP_PORT: expected an integer from 0 to 65535',
      'TRACES: expected one of off, otlp, file',
      'DATABASE_URL: expected a secret, it is not set',
    ])
  })

  it.each(['store away', 'bus away'])('ends with 75, so that it is started again, with its %s', async (url) => {
    const service = run({ DATABASE_URL: url })
    expect(await service.exit).toBe(exitCodes.unavailable)
    expect(service.lines.at(-1)).toMatchObject({ msg: 'service could not start during an outage', level: 'error' })
  })

  it.each([
    ['it cannot start', 'down', 'service could not start'],
    ['something nobody caught happens', 'defect', 'unexpected error, the process ends'],
  ])('ends with 1 and a line when %s', async (_name, url, message) => {
    const service = run({ DATABASE_URL: url })
    expect(await service.exit).toBe(exitCodes.failed)
    expect(service.lines.at(-1)).toMatchObject({ msg: message, level: 'fatal' })
    expect(JSON.stringify(service.lines)).not.toContain('hunter2')
  })
})
