import type { Environment } from '@countersign/service-kit'
import { findKafka, type Kafka } from './find-kafka/find-kafka.ts'
import { startKafka } from './find-kafka/start-kafka.ts'
import { openDatabase, startOwnDatabase } from './open-database/open-database.ts'
import type { StepPrinter } from './print-steps.ts'
import { type Ground, type Instance, type InstanceOptions, type Layout, runInstance } from './run-instance.ts'
import { serviceNames, settingsOfServices } from './start-services/settings-of-services.ts'
import { superviseServices } from './supervise-services/supervise-services.ts'

export type ServicesOptions = InstanceOptions & {
  readonly env: Environment
  /** Starts the broker too, unless one is named or runs in the data folder, and stops it at the end. */
  readonly withKafka: boolean
  readonly traceFile?: string
  /** Share of traces that is kept; all without it. */
  readonly traceRatio?: number
  /** Port of the first service's metrics; the others have the next ones. */
  readonly metricsPort?: number
}

type KafkaGround = Ground & { readonly bus: `kafka ${string}`; readonly of: Kafka }

const telemetryOf = ({ traceFile, traceRatio = 1, metricsPort }: ServicesOptions, at: number): Environment => ({
  ...(traceFile === undefined ? {} : { TRACES: 'file', TRACES_FILE: traceFile, TRACES_RATIO: String(traceRatio) }),
  ...(metricsPort === undefined ? {} : { METRICS_PORT: String(metricsPort + at) }),
})

const processesOnKafka = (options: ServicesOptions): Layout<KafkaGround> => ({
  name: 'A process for each service, on Kafka.',
  open: async (starting) => {
    const { env } = options
    const own = options.withKafka && !env['KAFKA_BROKERS'] ? await startKafka(starting) : []
    const kafka = await findKafka(env, starting)
    const database = env['DATABASE_URL']
      ? await openDatabase(env['DATABASE_URL'], starting)
      : await startOwnDatabase(starting)
    return {
      superuserUrl: database.superuserUrl,
      bus: `kafka ${kafka.credentials.clusterId}`,
      kafka: kafka.credentials,
      of: kafka,
      broken: [...own, ...database.broken],
    }
  },
  startServices: (ground, settings, { dataDir, print, signal }) =>
    print.step(
      'start services',
      async () => {
        const own = settingsOfServices(settings)
        return superviseServices({
          dataDir,
          print,
          signal,
          firstPort: Number(new URL(settings.slackApiUrl).port) + 1,
          environmentOf: (service) => ({
            ...own[service],
            ...ground.of.settingsOf(service),
            ...telemetryOf(options, serviceNames.indexOf(service)),
            LOG_LEVEL: options.logLevel,
          }),
        })
      },
      () => `${serviceNames.join(' ')}, logs in ${dataDir.path}/logs`,
    ),
})

/** Starts each service and the relay as a process of its own on Kafka, each under its own database role and principal. */
export const runServices = (options: ServicesOptions, print: StepPrinter): Promise<Instance> =>
  runInstance(options, processesOnKafka(options), print)
