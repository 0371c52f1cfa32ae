import { flushCompileCache } from 'node:module'
import { isBusOutage } from '@countersign/bus'
import { isOutage } from '@countersign/event-store'
import type { Type } from 'typebox'
import { buildService, type Compose, type Service } from './build-service.ts'
import { exitCodes } from './exit-codes.ts'
import { createLog, type Log } from './log.ts'
import { ConfigError, type Environment, readConfig } from './read-config.ts'
import { type ServiceConfig, type ServiceSettings, telemetryOf } from './service-settings.ts'
import { startTelemetry, type Telemetry } from './telemetry.ts'

export type RunOptions<P extends Type.TProperties> = {
  readonly name: string
  /** From `serviceSchema(port, settings)`. */
  readonly config: Type.TObject<ServiceSettings & P>
  readonly compose: Compose<Readonly<Type.Static<Type.TObject<ServiceSettings & P>>>>
  /** Where settings are read from; the process environment when absent. */
  readonly env?: Environment
}

const readOrExit = <S extends Type.TObject>(name: string, schema: S, env: Environment): Readonly<Type.Static<S>> => {
  try {
    return readConfig(schema, env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    createLog({ service: name }).fatal({ problems: error.problems }, 'configuration is not usable')
    process.exit(exitCodes.config)
  }
}

const onceSignalled = (): Promise<NodeJS.Signals> => {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let signals = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1
    // Whoever asks twice does not want to wait.
    if (signals > 1) process.exit(exitCodes.failed)
    resolve(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return promise
}

/** A process whose state is unknown must not go on deciding: it says why and dies. */
const dieOnDefects = (log: Log): void => {
  const die = (error: unknown): void => {
    log.fatal({ err: error }, 'unexpected error, the process ends')
    process.exit(exitCodes.failed)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
}

const serve = async (service: Service, config: ServiceConfig, log: Log): Promise<number> => {
  const signalled = onceSignalled()
  // Requests first: a member of a group that was killed keeps its place for a session, and no decision waits for that.
  const url = await service.listen({ port: config.HTTP_PORT, host: config.HTTP_HOST })
  const started = service.start()
  // Who is to stop while the bus lets it wait does not wait for the bus.
  const isReady = await Promise.race([started.then(() => true), signalled.then(() => false)])
  if (isReady) {
    log.info({ url }, 'service ready')
    // Node would write it when the process ends in order; the next start after a kill needs it most.
    flushCompileCache()
  }
  log.info({ signal: await signalled }, 'service stopping')
  const outcome = await service.stop(config.SHUTDOWN_TIMEOUT_MS)
  return outcome === 'drained' ? exitCodes.stopped : exitCodes.failed
}

/**
 * Runs a service as a process of its own: reads its configuration, switches telemetry on, builds it, listens, starts it,
 * and on SIGTERM or SIGINT stops it in order. Ends the process with one of `exitCodes`.
 */
export const runService = async <P extends Type.TProperties>({
  name,
  config: schema,
  compose,
  env = process.env,
}: RunOptions<P>): Promise<void> => {
  const config = readOrExit(name, schema, env)
  const base = config as unknown as ServiceConfig
  const log = createLog({ service: name, level: base.LOG_LEVEL })
  dieOnDefects(log)
  let telemetry: Telemetry | undefined
  let service: Service | undefined
  let code: number = exitCodes.failed
  try {
    telemetry = await startTelemetry(telemetryOf(name, base))
    service = await buildService({ name, config, log, compose })
    code = await serve(service, base, log)
  } catch (error) {
    if (error instanceof ConfigError) {
      log.fatal({ problems: error.problems }, 'configuration is not usable')
      code = exitCodes.config
    } else if (isOutage(error) || isBusOutage(error)) {
      log.error({ err: error }, 'service could not start during an outage')
      code = exitCodes.unavailable
    } else {
      log.fatal({ err: error }, 'service could not start')
    }
    await service?.stop(0)
  }
  await telemetry?.stop()
  process.exit(code)
}
