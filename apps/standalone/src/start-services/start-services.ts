import { type Bus, createPostgresBus, unlessAborted } from '@countersign/bus'
import { intakeConfig, intakeService } from '@countersign/intake'
import { composeLedger, ledgerConfig } from '@countersign/ledger'
import { composeLineageProjector, lineageProjectorConfig } from '@countersign/lineage-projector'
import { notifierConfig, notifierService } from '@countersign/notifier'
import { policyConfig, policyService } from '@countersign/policy'
import { relayConfig, relayService } from '@countersign/relay'
import { buildService, type Compose, createLog, readConfig, type Log, type Service } from '@countersign/service-kit'
import pg from 'pg'
import type { Type } from 'typebox'
import type { ServedService } from '../serve-front/route.ts'
import { roleOf, type ServiceName, settingsOfServices, type SettingsOptions } from './settings-of-services.ts'

export type ServicesOptions = SettingsOptions & { readonly logLevel: string; readonly signal: AbortSignal }

export type Running = {
  readonly services: Record<ServedService, Service>
  /** All of them, the relay too. */
  readonly all: readonly Service[]
  /** Ends everything in order; true when nothing was broken off. */
  readonly stop: () => Promise<boolean>
}

/** Each service under its own database role, with a bus of its own on the same log table. */
const busOf = (service: ServiceName, { urls }: ServicesOptions, log: Log) => {
  const pool = new pg.Pool({ connectionString: urls.of(roleOf(service)), max: 4 })
  pool.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'))
  const bus = createPostgresBus({ pool, log: () => undefined })
  const close = async (): Promise<void> => {
    await bus.close()
    await pool.end()
  }
  return { bus, close }
}

/**
 * Starts the five services and the relay in this process on the embedded drivers: the same code and the same settings as
 * when each is a process of its own. What was built before a failure, or before the signal, is stopped again, all at once.
 */
export const startServices = async (options: ServicesOptions): Promise<Running> => {
  const { signal } = options
  const settings = settingsOfServices(options)
  const opened: (() => Promise<void>)[] = []
  const make = async <S extends Type.TObject>(
    name: ServiceName,
    schema: S,
    composeOn: (dependencies: { readonly bus: Bus }) => Compose<Readonly<Type.Static<S>>>,
  ): Promise<Service> => {
    const log = createLog({ service: name, level: options.logLevel as 'warn' })
    const { bus, close } = busOf(name, options, log)
    opened.push(close)
    return buildService({ name, log, config: readConfig(schema, settings[name]), compose: composeOn({ bus }) })
  }
  const building = [
    make('intake', intakeConfig, intakeService),
    make('policy', policyConfig, policyService),
    make('notifier', notifierConfig, notifierService),
    make('ledger', ledgerConfig, composeLedger),
    make('lineage-projector', lineageProjectorConfig, composeLineageProjector),
    make('relay', relayConfig, relayService),
  ] as const
  const stop = async (): Promise<boolean> => {
    // One that was not built has closed what it opened.
    const built = (await Promise.allSettled(building)).flatMap((each) =>
      each.status === 'fulfilled' ? [each.value] : [],
    )
    const outcomes = await Promise.all(built.map((service) => service.stop()))
    await Promise.all(opened.map((close) => close()))
    return outcomes.every((outcome) => outcome === 'drained')
  }
  try {
    const built = await unlessAborted(signal, Promise.all(building))
    for (const service of built) await unlessAborted(signal, service.start())
    const [intake, policy, notifier, ledger, lineage] = built
    return { all: built, services: { intake, policy, notifier, ledger, 'lineage-projector': lineage }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
