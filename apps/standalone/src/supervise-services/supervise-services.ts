import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { unlessAborted } from '@countersign/bus'
import type { Environment } from '@countersign/service-kit'
import type { DataDir } from '../open-data-dir/open-data-dir.ts'
import type { StepPrinter } from '../print-steps.ts'
import { createProxy } from '../serve-front/proxy.ts'
import { readiness, type Reports, reportOf } from '../serve-front/readiness.ts'
import { front } from '../serve-front/route.ts'
import type { Running } from '../run-instance.ts'
import { serviceNames, type ServiceName } from '../start-services/settings-of-services.ts'
import { ServiceLog } from './service-log.ts'
import { SupervisedService } from './supervised-service.ts'

export type SuperviseOptions = {
  readonly dataDir: DataDir
  /** Everything that a service is told, its bus included. */
  readonly environmentOf: (service: ServiceName) => Environment
  readonly firstPort: number
  readonly nodeArguments?: readonly string[]
  /** Ends a start that is under way. */
  readonly signal: AbortSignal
  readonly print: StepPrinter
}

/**
 * Runs every service and the relay as a process of its own on a port of loopback, each kept running, behind one address.
 * Their logs go into the data folder, warnings to the screen too. What was started before a failure, or before the signal, is
 * stopped again, all at once.
 */
export const superviseServices = async (options: SuperviseOptions): Promise<Running> => {
  const { dataDir, environmentOf, firstPort, print, signal, nodeArguments = [] } = options
  const folder = join(dataDir.path, 'logs')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Compiled code of the services, kept for their next start.
  const cache = { NODE_COMPILE_CACHE: join(dataDir.path, 'compiled') }
  const say = (service: string, line: string): void =>
    print.line(`${print.paint('yellow', service.padEnd(18))} ${line}`)
  const logs = serviceNames.map(
    (service) => new ServiceLog(join(folder, `${service}.log`), (line) => say(service, line)),
  )
  const services = serviceNames.map(
    (service, at) =>
      new SupervisedService({
        service,
        environment: { ...cache, ...environmentOf(service) },
        firstPort: firstPort + at,
        log: logs[at] as ServiceLog,
        nodeArguments,
        say: (line) => say(service, line),
      }),
  )
  const proxy = createProxy()
  const portOf = (name: ServiceName): number | undefined => services.find((service) => service.name === name)?.port
  const reports = async (): Promise<Reports> =>
    Object.fromEntries(await Promise.all(services.map(async ({ name, port }) => [name, await reportOf(port)] as const)))
  let stopped: Promise<boolean> | undefined
  const stopAll = async (): Promise<boolean> => {
    const outcomes = await Promise.all(services.map((service) => service.stop()))
    proxy.close()
    await Promise.all(logs.map((log) => log.close()))
    return outcomes.every(Boolean)
  }
  const stop = (): Promise<boolean> => {
    stopped ??= stopAll()
    return stopped
  }
  try {
    await unlessAborted(signal, Promise.all(services.map((service) => service.start())))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    serve: front((service, ...exchange) => proxy.pass(portOf(service), ...exchange), readiness(reports)),
    broken: Promise.race(services.map((service) => service.givenUp)),
    stop,
  }
}
