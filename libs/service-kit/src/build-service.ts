import 'reflect-metadata'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DynamicModule, Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { CustomTransportStrategy } from '@nestjs/microservices'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'
import { BearerGuard, type BearerVerifier, nobody } from './auth.ts'
import { HealthChecks } from './health.ts'
import { createHttpEdge, type HttpEdge, type HttpEdgeOptions } from './http-edge.ts'
import { type Log, nestLogger } from './log.ts'
import { createMutualTlsServer, listenMutualTls, type MutualTls } from './mutual-tls.ts'
import { ProblemFilter } from './send-problem.ts'

/** Work that runs beside the HTTP server: bus consumers, sweepers, the relay's loop. */
export type Consumer = {
  readonly name: string
  /** Called after the Nest app is initialised. Resolves when the consumer runs; gives up when the service stops. */
  start(): Promise<void>
  /** Takes no new work and resolves when what was under way is done. Called while it starts, too. */
  stop(): Promise<void>
}

/** What an app's `compose` gets. */
export type ServiceContext<C> = {
  readonly name: string
  readonly config: C
  readonly log: Log
  readonly checks: HealthChecks
  /** Aborted when the service begins to stop; long polls answer then. */
  readonly stopping: AbortSignal
}

/** What a service is made of; made by the app, run by service-kit. */
export type ServiceParts = {
  readonly module: DynamicModule | Type<unknown>
  /** Guards every route that is not `@Public()`; without it only public routes answer. */
  readonly verifier?: BearerVerifier
  readonly transport?: CustomTransportStrategy
  readonly consumers?: readonly Consumer[]
  readonly edge?: HttpEdgeOptions
  /** Where clients show certificates, beside the service's own port. */
  readonly mutualTls?: MutualTls
  /** Last step of stopping: pools, clients, timers. */
  readonly onStop?: () => Promise<void>
}

export type Compose<C> = (context: ServiceContext<C>) => ServiceParts | Promise<ServiceParts>

/** `drained`: everything under way ended in time. `cut`: something was broken off. */
export type StopOutcome = 'drained' | 'cut'

export type Service = {
  readonly name: string
  readonly app: NestFastifyApplication
  readonly checks: HealthChecks
  /** Answers a request that another server accepted (`standalone` has one port for all services). */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Starts transport, consumers and the port for mutual TLS, where there is one; rejects when the service stops meanwhile. */
  start(): Promise<void>
  /** Address of that port once it is open. */
  readonly mutualTlsUrl: string | undefined
  /** Opens the service's own port; returns its address (`http://127.0.0.1:3001`). */
  listen(address: { readonly port: number; readonly host?: string }): Promise<string>
  /** Takes no new work, lets what is under way finish for `timeoutMs`, closes consumers, then pools. Idempotent. */
  stop(timeoutMs?: number): Promise<StopOutcome>
}

export type BuildOptions<C> = {
  readonly name: string
  readonly config: C
  readonly log: Log
  readonly compose: Compose<C>
}

/** Fails until transport and consumers run. */
export const consumersCheck = 'consumers'

const serveHealth = (instance: FastifyInstance, checks: HealthChecks): void => {
  instance.get('/healthz', async () => ({ status: 'alive' }))
  instance.get('/readyz', async (_request, reply) => {
    const report = await checks.report()
    return reply.code(report.status === 'not_ready' ? 503 : 200).send(report)
  })
}

const createApp = async (parts: ServiceParts, edge: HttpEdge, log: Log): Promise<NestFastifyApplication> => {
  const app = await NestFactory.create<NestFastifyApplication>(parts.module, edge.adapter, {
    bodyParser: false,
    logger: nestLogger(log),
    abortOnError: false,
  })
  app.useGlobalFilters(new ProblemFilter(log))
  app.useGlobalGuards(new BearerGuard(parts.verifier ?? nobody))
  if (parts.transport) app.connectMicroservice({ strategy: parts.transport })
  await app.init()
  await app.getHttpAdapter().getInstance().ready()
  return app
}

/** Resolves to false when the work is not done in time; a failure of the work is a failure here. */
const within = async (timeoutMs: number, work: Promise<unknown>): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), timeoutMs)
  try {
    return await Promise.race([work.then(() => true), promise])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Builds one service: Nest behind the HTTP edge, with health checks, without a listener and without signal handlers.
 * A failure on the way releases what `compose` opened.
 */
export const buildService = async <C>({ name, config, log, compose }: BuildOptions<C>): Promise<Service> => {
  const checks = new HealthChecks()
  const stopping = new AbortController()
  const parts = await compose({ name, config, log, checks, stopping: stopping.signal })
  const consumers = parts.consumers ?? []
  const edge = createHttpEdge(parts.edge)
  serveHealth(edge.adapter.getInstance(), checks)
  const app = await createApp(parts, edge, log).catch(async (error: unknown) => {
    await parts.onStop?.()
    throw error
  })
  const server = app.getHttpServer()
  const { mutualTls } = parts
  const tlsServer =
    mutualTls &&
    createMutualTlsServer(mutualTls, (...call) => edge.handle(...call), { limits: parts.edge?.limits, log })
  let mutualTlsUrl: string | undefined
  let started: Consumer[] = []
  let isConsuming = false
  checks.register({
    name: consumersCheck,
    effect: 'degraded',
    probe: () => (isConsuming ? undefined : 'starting'),
  })

  const attempt = async (step: string, work: () => Promise<unknown> | undefined): Promise<boolean> => {
    try {
      await work()
      return true
    } catch (error) {
      log.error({ err: error, step }, 'a step of stopping failed')
      return false
    }
  }

  const stopAll = async (timeoutMs: number): Promise<StopOutcome> => {
    stopping.abort()
    for (const each of [server, tlsServer]) if (each?.listening === true) each.close()
    const transport = Promise.all(app.getMicroservices().map((each) => each.close()))
    const [isTransportDone, isHttpDone] = await Promise.all([
      within(timeoutMs, transport).catch(() => false),
      edge.drain(timeoutMs),
    ])
    const slow = new Set(started.map(({ name: consumer }) => consumer))
    const stops = started.toReversed().map(async (consumer) => {
      await attempt(consumer.name, () => consumer.stop())
      slow.delete(consumer.name)
    })
    const areConsumersDone = await within(timeoutMs, Promise.all(stops))
    server.closeAllConnections()
    tlsServer?.closeAllConnections()
    const isAppClosed = await attempt('app', () => app.close())
    const isReleased = await attempt('release', () => parts.onStop?.())
    const isClean = isTransportDone && isHttpDone && areConsumersDone && isAppClosed && isReleased
    if (isClean) {
      log.info({ outcome: 'drained' }, 'service stopped')
      return 'drained'
    }
    log.warn(
      { outcome: 'cut', isTransportDone, isHttpDone, slowConsumers: [...slow], isAppClosed, isReleased },
      'service stopped, something under way was broken off',
    )
    return 'cut'
  }
  let stopped: Promise<StopOutcome> | undefined

  return {
    name,
    app,
    checks,
    handle: (request, response) => edge.handle(request, response),
    start: async () => {
      if (mutualTls !== undefined && tlsServer !== undefined) {
        mutualTlsUrl = await listenMutualTls(tlsServer, mutualTls)
        log.info({ url: mutualTlsUrl }, 'listening for clients with certificates')
      }
      // The transport comes last: it waits for the broker, and what ends by a clock waits for nobody.
      for (const consumer of consumers) {
        stopping.signal.throwIfAborted()
        started = [...started, consumer]
        await consumer.start()
      }
      stopping.signal.throwIfAborted()
      await app.startAllMicroservices()
      isConsuming = true
      checks.forget()
    },
    get mutualTlsUrl() {
      return mutualTlsUrl
    },
    listen: async ({ port, host = '127.0.0.1' }) => {
      await app.listen(port, host)
      const { address, port: actualPort, family } = server.address() as AddressInfo
      return `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`
    },
    stop: (timeoutMs = 10_000) => {
      stopped ??= stopAll(timeoutMs)
      return stopped
    },
  }
}
