import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Controller, Get, Module, Post } from '@nestjs/common'
import { describe, expect, it } from 'vitest'
import { buildService, type Service, type ServiceContext, type ServiceParts } from './build-service.ts'
import { createLog } from './log.ts'
import { Public } from './route-rules.ts'

/** A route that answers only when the test says so. */
const gates: PromiseWithResolvers<void>[] = []
const entered: PromiseWithResolvers<void>[] = []
/** What the slow route did, in the order list of the test that looks. */
let handled: string[] = []

@Public()
@Controller()
class SlowController {
  @Post('slow')
  async slow() {
    entered.at(-1)?.resolve()
    await gates.at(-1)?.promise
    handled.push('handler done')
    return { done: true }
  }

  @Get('quick')
  quick() {
    return { done: true }
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

const gate = () => {
  gates.push(Promise.withResolvers())
  entered.push(Promise.withResolvers())
  return { open: () => gates.at(-1)?.resolve(), entered: entered.at(-1)?.promise }
}

const build = (compose: (context: ServiceContext<object>) => Partial<ServiceParts> = () => ({}), name = 'policy') =>
  buildService({
    name,
    config: {},
    log: createLog({ service: name, level: 'silent' }),
    compose: (context) => ({ module: SlowModule, ...compose(context) }),
  })

const consumer = (name: string, steps: string[]) => ({
  name,
  start: async () => {
    steps.push(`start ${name}`)
  },
  stop: async () => {
    steps.push(`stop ${name}`)
  },
})

describe('a service', () => {
  it('finishes the request under way before it closes consumers and then its pools', async () => {
    const steps: string[] = []
    const { open, entered: isIn } = gate()
    const service = await build(() => ({
      consumers: [consumer('sweeper', steps), consumer('projector', steps)],
      onStop: async () => void steps.push('pools closed'),
    }))
    await service.start()
    const url = await service.listen({ port: 0 })
    handled = steps
    const answer = fetch(`${url}/slow`, { method: 'POST' })
    await isIn
    const stopped = service.stop()
    await expect(fetch(`${url}/quick`)).rejects.toThrow('fetch failed')
    expect(steps).toEqual(['start sweeper', 'start projector'])
    open()
    expect((await answer).status).toBe(201)
    expect(await stopped).toBe('drained')
    expect(steps).toEqual([
      'start sweeper',
      'start projector',
      'handler done',
      'stop projector',
      'stop sweeper',
      'pools closed',
    ])
  })

  it('breaks off what does not end in time and says so', async () => {
    const { open, entered: isIn } = gate()
    const service = await build()
    const url = await service.listen({ port: 0 })
    const answer = fetch(`${url}/slow`, { method: 'POST' }).then(
      () => 'answered',
      () => 'broken off',
    )
    await isIn
    expect(await service.stop(20)).toBe('cut')
    expect(await answer).toBe('broken off')
    open()
  })

  it('ends long polls by a signal as soon as it stops', async () => {
    const service = await build(({ stopping }) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gates.push({ promise, resolve, reject: () => {} })
      entered.push(Promise.withResolvers())
      stopping.addEventListener('abort', () => resolve())
      return {}
    })
    const url = await service.listen({ port: 0 })
    const answer = fetch(`${url}/slow`, { method: 'POST' })
    await entered.at(-1)?.promise
    expect(await service.stop()).toBe('drained')
    expect((await answer).status).toBe(201)
  })

  it('starts nothing more once it stops, and stops what it was starting', async () => {
    const steps: string[] = []
    const service = await build(({ stopping }) => ({
      consumers: [
        {
          name: 'joining',
          start: () => new Promise((_, giveUp) => stopping.addEventListener('abort', () => giveUp(stopping.reason))),
          stop: async () => void steps.push('stop joining'),
        },
        consumer('next', steps),
      ],
    }))
    const started = expect(service.start()).rejects.toThrow('aborted')
    expect(await service.stop()).toBe('drained')
    await started
    expect(steps).toEqual(['stop joining'])
  })

  it('goes on to nothing else when what it was starting has started meanwhile', async () => {
    const steps: string[] = []
    const slow = Promise.withResolvers<void>()
    const first = { ...consumer('first', steps), start: () => slow.promise }
    const service = await build(() => ({ consumers: [first, consumer('next', steps)] }))
    const started = expect(service.start()).rejects.toThrow('aborted')
    const stopped = service.stop()
    slow.resolve()
    await started
    expect(await stopped).toBe('drained')
    expect(steps).toEqual(['stop first'])
  })

  it('stops once, however often it is told', async () => {
    let released = 0
    const service = await build(() => ({ onStop: async () => void (released += 1) }))
    expect(await Promise.all([service.stop(), service.stop()])).toEqual(['drained', 'drained'])
    expect(released).toBe(1)
  })

  it('still closes its pools when a consumer fails to stop', async () => {
    const steps: string[] = []
    const service = await build(() => ({
      consumers: [{ ...consumer('sweeper', steps), stop: async () => Promise.reject(new Error('stuck')) }],
      onStop: async () => void steps.push('pools closed'),
    }))
    await service.start()
    await service.stop()
    expect(steps).toContain('pools closed')
  })

  it('starts when told to, first what needs no bus, and says on /readyz while the bus lets it wait', async () => {
    const steps: string[] = []
    const listening = Promise.withResolvers<() => void>()
    const transport = {
      listen: (ready: () => void) => {
        steps.push('transport listens')
        listening.resolve(ready)
      },
      close: () => void steps.push('transport closed'),
      on: () => {},
      unwrap: () => undefined,
      addHandler: () => {},
      setTransportId: () => {},
    }
    const service = await build(() => ({ transport: transport as never, consumers: [consumer('sweeper', steps)] }))
    expect(steps).toEqual([])
    const starting = service.start()
    const ready = await listening.promise
    expect(steps).toEqual(['start sweeper', 'transport listens'])
    expect(await service.checks.report()).toMatchObject({
      status: 'degraded',
      checks: [{ name: 'consumers', code: 'starting' }],
    })
    ready()
    await starting
    expect(await service.checks.report()).toMatchObject({ status: 'ready' })
    await service.stop()
    expect(steps.slice(2, 4)).toEqual(['transport closed', 'stop sweeper'])
  })

  it('releases what was opened when it cannot be built', async () => {
    let released = 0
    class Unbuildable {
      constructor() {
        throw new Error('no')
      }
    }
    const parts = { module: { module: SlowModule, providers: [Unbuildable] }, onStop: async () => void (released += 1) }
    await expect(build(() => parts)).rejects.toThrow('no')
    expect(released).toBe(1)
  })

  it('answers 503 on /readyz with the failing check, and stays alive', async () => {
    const service = await build(({ checks }) => {
      checks.register({ name: 'store', effect: 'not_ready', probe: () => 'in_recovery' })
      return {}
    })
    const url = await service.listen({ port: 0 })
    const ready = await fetch(`${url}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({
      status: 'not_ready',
      checks: expect.arrayContaining([expect.objectContaining({ name: 'store', code: 'in_recovery' })]),
    })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    await service.stop()
  })

  it('answers on a port that several services share', async () => {
    const services: Record<string, Service> = { policy: await build(), ledger: await build(() => ({}), 'ledger') }
    const server = createServer((request, response) => {
      const [, name = '', ...rest] = (request.url ?? '').split('/')
      request.url = `/${rest.join('/')}`
      services[name]?.handle(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const answers = await Promise.all(
      ['policy/quick', 'ledger/quick', 'ledger/nothing', 'policy/healthz'].map((path) => fetch(`${url}/${path}`)),
    )
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 404, 200])
    await services['ledger']?.stop()
    expect((await fetch(`${url}/policy/quick`)).status).toBe(200)
    expect((await fetch(`${url}/ledger/quick`)).status).toBe(503)
    await services['policy']?.stop()
    server.closeAllConnections()
    server.close()
  })
})
