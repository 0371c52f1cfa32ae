import { startOwnDatabase } from './open-database/open-database.ts'
import type { StepPrinter } from './print-steps.ts'
import { pruneBus } from './prune-bus/prune-bus.ts'
import { type Ground, type Instance, type InstanceOptions, type Layout, runInstance } from './run-instance.ts'
import { readiness } from './serve-front/readiness.ts'
import { front } from './serve-front/route.ts'
import { startServices } from './start-services/start-services.ts'

const oneProcess = (logLevel: string): Layout<Ground> => ({
  name: 'One process, the postgres bus driver: for one machine.',
  open: async (starting) => ({ ...(await startOwnDatabase(starting)), bus: 'postgres' }),
  startServices: async (_ground, settings, { print, signal }) => {
    const running = await print.step(
      'start services',
      () => startServices({ ...settings, logLevel, signal }),
      () => 'intake policy notifier ledger lineage-projector relay',
    )
    const pruning = pruneBus(settings.urls.of('owner'))
    const reports = async () =>
      Object.fromEntries(
        await Promise.all(running.all.map(async ({ name, checks }) => [name, await checks.report()] as const)),
      )
    return {
      serve: front(
        (service, request, response) => running.services[service].handle(request, response),
        readiness(reports),
      ),
      stop: async () => {
        await pruning.stop()
        return running.stop()
      },
    }
  },
})

/** Starts everything in this process. */
export const runStandalone = (options: InstanceOptions, print: StepPrinter): Promise<Instance> =>
  runInstance(options, oneProcess(options.logLevel), print)
