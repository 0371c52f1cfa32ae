import { stopIdleSpin } from '@countersign/bus'
import { type BrokerPorts, defaultPorts, freePort, isAccepting, missingPrograms, startBroker } from '@countersign/kafka'
import type { Starting } from '../run-instance.ts'
import { brokerFolder, demoProducers, isBrokerRunning } from './find-kafka.ts'

/** The ports of `npm run kafka`, each replaced where somebody has it. */
const usablePorts = async (): Promise<BrokerPorts> => {
  const { scram, tls, mtls, controller } = defaultPorts
  const free = async (port: number): Promise<number> => ((await isAccepting(port)) ? freePort() : port)
  return { scram: await free(scram), tls: await free(tls), mtls: await free(mtls), controller: await free(controller) }
}

/**
 * Starts the broker of `npm run kafka` in the data folder and stops it at the end; one that runs there already stays.
 * @throws with what is missing here
 */
export const startKafka = async ({ dataDir, print, closers }: Starting): Promise<readonly Promise<string>[]> => {
  stopIdleSpin()
  if (await isBrokerRunning(dataDir.path)) return []
  const missing = await missingPrograms()
  if (missing.length > 0) throw new Error(`Kafka cannot run here: ${missing.join('; ')}`)
  const broker = await print.step(
    'start Kafka',
    async () =>
      startBroker({
        dataDir: brokerFolder(dataDir.path),
        producers: demoProducers,
        ports: await usablePorts(),
        log: (line) => print.line(`          ${line}`),
      }),
    ({ ports }) => `127.0.0.1:${ports.scram}`,
  )
  closers.push(() => broker.stop())
  return [broker.exited.then((how) => `Kafka has ended by itself with ${how}; its log is kafka/broker.log`)]
}
