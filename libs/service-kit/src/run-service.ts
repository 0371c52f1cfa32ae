import { flushCompileCache } from 'node:module'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import { isBusOutage } from '@countersign/bus'
import { isOutage } from '@countersign/event-store'
import type { Type } from 'typebox'
import { buildService, type Compose, type Service, type StopOutcome } from './build-service.ts'
import { endSignal, whenAborted } from './end-signal.ts'
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

/** A process whose state is unknown must not go on deciding: it says why and dies. */
const dieOnDefects = (log: Log): void => {
  const die = (error: unknown): void => {
    log.fatal({ err: error }, 'unexpected error, the process ends')
    process.exit(exitCodes.failed)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
}

const sayStopping = (log: Log, { reason }: AbortSignal): void => log.info({ signal: reason }, 'service stopping')

type Run = { readonly config: ServiceConfig; readonly log: Log; readonly ending: AbortSignal }

const serve = async (service: Service, { config, log, ending }: Run): Promise<number> => {
  // Requests first: a member of a group that was killed keeps its place for a session, and no decision waits for that.
  const url = await service.listen({ port: config.HTTP_PORT, host: config.HTTP_HOST })
  const started = service.start()
  // Who is to stop while the bus lets it wait does not wait for the bus.
  const isReady = await Promise.race([started.then(() => true), whenAborted(ending).then(() => false)])
  if (isReady) {
    log.info({ url }, 'service ready')
    // Node would write it when the process ends in order; the next start after a kill needs it most.
    flushCompileCache()
  }
  await whenAborted(ending)
  sayStopping(log, ending)
  return codeOf(await service.stop(config.SHUTDOWN_TIMEOUT_MS))
}

const codeOf = (outcome: StopOutcome): number => (outcome === 'drained' ? exitCodes.stopped : exitCodes.failed)

/**
 * Ends a service that was asked to stop while it was built, and resolves with its exit code. What opens connections and files is
 * not broken off in the middle: it is waited for as long as a stop may take, and then stopped like any other.
 */
const stopUnbuilt = async (building: Promise<Service>, { config, log, ending }: Run): Promise<number> => {
  sayStopping(log, ending)
  const inTime = building.catch((error: unknown) => ({ error }))
  const built = await Promise.race([inTime, delay(config.SHUTDOWN_TIMEOUT_MS)])
  if (built === undefined) {
    log.warn({ outcome: 'cut' }, 'service stopped, something under way was broken off')
    return exitCodes.failed
  }
  if (!('error' in built)) return codeOf(await built.stop(config.SHUTDOWN_TIMEOUT_MS))
  log.warn({ err: built.error }, 'service stopped before it was built')
  return exitCodes.stopped
}

/**
 * Runs a service as a process of its own: reads its configuration, switches telemetry on, builds it, listens, starts it,
 * and on SIGTERM or SIGINT, whenever it comes, stops it in order. Ends the process with one of `exitCodes`.
 */
export const runService = async <P extends Type.TProperties>({
  name,
  config: schema,
  compose,
  env = process.env,
}: RunOptions<P>): Promise<void> => {
  const ending = endSignal()
  const config = readOrExit(name, schema, env)
  const base = config as unknown as ServiceConfig
  const log = createLog({ service: name, level: base.LOG_LEVEL })
  dieOnDefects(log)
  const run = { config: base, log, ending }
  let telemetry: Telemetry | undefined
  let service: Service | undefined
  let code: number = exitCodes.failed
  try {
    telemetry = await startTelemetry(telemetryOf(name, base))
    // Modules load without a turn of the event loop: what was said meanwhile is heard now.
    await setImmediate()
    const building = ending.aborted ? undefined : buildService({ name, config, log, compose })
    service = await Promise.race([building, whenAborted(ending).then(() => undefined)])
    if (service !== undefined) code = await serve(service, run)
    else if (building !== undefined) code = await stopUnbuilt(building, run)
    else {
      sayStopping(log, ending)
      log.info({ outcome: 'drained' }, 'service stopped')
      code = exitCodes.stopped
    }
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
