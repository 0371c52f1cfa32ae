import { createPostgresBus, type PostgresBus } from '@countersign/bus'
import { intakeConfig, intakeService } from '@countersign/intake'
import { composeLedger, ledgerConfig } from '@countersign/ledger'
import { composeLineageProjector, lineageProjectorConfig } from '@countersign/lineage-projector'
import { notifierConfig, notifierService } from '@countersign/notifier'
import { policyConfig, policyService } from '@countersign/policy'
import { relayConfig, relayService } from '@countersign/relay'
import { buildService, createLog, readConfig, type Log, type Service } from '@countersign/service-kit'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { demoWorld } from '../demo-world.ts'
import type { DataDir, Role } from '../open-data-dir/open-data-dir.ts'
import type { StoreUrls } from '../prepare-store/prepare-store.ts'
import type { ServiceName } from '../serve-front/route.ts'

export type ServicesOptions = {
  readonly dataDir: DataDir
  readonly urls: StoreUrls
  readonly baseUrl: string
  readonly issuer: string
  readonly slackApiUrl: string
  readonly tenants: { readonly default: string }
  readonly policyFolder: string
  readonly logLevel: string
}

export type Running = {
  readonly services: Record<ServiceName, Service>
  /** All of them, the relay too. */
  readonly all: readonly Service[]
  /** Ends everything in order; true when nothing was broken off. */
  readonly stop: () => Promise<boolean>
}

const logOf = (name: string, options: ServicesOptions): Log =>
  createLog({ service: name, level: options.logLevel as 'warn' })

/** Each service under its own database role, with a bus of its own on the same log table. */
const busOf = (role: Role, options: ServicesOptions, log: Log): { bus: PostgresBus; close: () => Promise<void> } => {
  const pool = new pg.Pool({ connectionString: options.urls.of(role), max: 4 })
  pool.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'))
  const bus = createPostgresBus({ pool, log: () => undefined })
  return {
    bus,
    close: async () => {
      await bus.close()
      await pool.end()
    },
  }
}

/**
 * Starts the five services and the relay in this process on the embedded drivers: the same code and the same settings as
 * when each is a process of its own.
 */
export const startServices = async (options: ServicesOptions): Promise<Running> => {
  const { dataDir, urls, baseUrl, issuer } = options
  const marks = join(dataDir.path, 'published')
  mkdirSync(marks, { recursive: true, mode: 0o700 })
  const identity = { OIDC_ISSUER: issuer, OIDC_AUDIENCE: demoWorld.audience }
  const macKey = { BUS_MAC_KEY: dataDir.secrets.busMacKey }
  const sealing = { DEPLOYMENT_KEY_FILE: dataDir.deploymentKeyFile }
  const opened: (() => Promise<void>)[] = []
  const bus = (role: Role, log: Log): PostgresBus => {
    const made = busOf(role, options, log)
    opened.push(made.close)
    return made.bus
  }

  const intakeLog = logOf('intake', options)
  const intake = buildService({
    name: 'intake',
    log: intakeLog,
    config: readConfig(intakeConfig, {
      DATABASE_URL: urls.of('intake'),
      PUBLIC_URL: baseUrl,
      GRANT_KEY_FILE: dataDir.grantKeyFile,
      ...identity,
      ...sealing,
    }),
    compose: intakeService,
  })
  const policyLog = logOf('policy', options)
  const policy = buildService({
    name: 'policy',
    log: policyLog,
    config: readConfig(policyConfig, {
      DATABASE_URL: urls.of('policy'),
      POLICY_FOLDER: options.policyFolder,
      ...identity,
      ...sealing,
      ...macKey,
    }),
    compose: policyService({ bus: bus('policy', policyLog) }),
  })
  const notifierLog = logOf('notifier', options)
  const notifier = buildService({
    name: 'notifier',
    log: notifierLog,
    config: readConfig(notifierConfig, {
      DATABASE_URL: urls.of('notifier'),
      PUBLIC_URL: baseUrl,
      SLACK_API_URL: options.slackApiUrl,
      SLACK_SIGNING_SECRET: dataDir.secrets.slackSigningSecret,
      SLACK_BOT_TOKEN: dataDir.secrets.slackBotToken,
      SLACK_CHANNELS: `${options.tenants.default}=${demoWorld.slackChannel.id}`,
      ...identity,
      ...sealing,
      ...macKey,
    }),
    compose: notifierService({ bus: bus('notifier', notifierLog) }),
  })
  const ledgerLog = logOf('ledger', options)
  const ledger = buildService({
    name: 'ledger',
    log: ledgerLog,
    config: readConfig(ledgerConfig, {
      DATABASE_URL: urls.of('ledger'),
      CHECKPOINT_KEY_FILE: dataDir.logKeyFile,
      PUBLISHED_MARK_DIR: marks,
      ...identity,
      ...macKey,
    }),
    compose: composeLedger({ bus: bus('ledger', ledgerLog) }),
  })
  const lineageLog = logOf('lineage-projector', options)
  const lineage = buildService({
    name: 'lineage-projector',
    log: lineageLog,
    config: readConfig(lineageProjectorConfig, { DATABASE_URL: urls.of('lineage'), ...identity, ...macKey }),
    compose: composeLineageProjector({ bus: bus('lineage', lineageLog) }),
  })
  const relayLog = logOf('relay', options)
  const relay = buildService({
    name: 'relay',
    log: relayLog,
    config: readConfig(relayConfig, { DATABASE_URL: urls.of('relay'), ...macKey }),
    compose: relayService({ bus: bus('relay', relayLog) }),
  })

  const built = await Promise.all([intake, policy, notifier, ledger, lineage, relay])
  for (const service of built) await service.start()
  const [intakeBuilt, policyBuilt, notifierBuilt, ledgerBuilt, lineageBuilt] = built
  return {
    all: built,
    services: {
      intake: intakeBuilt,
      policy: policyBuilt,
      notifier: notifierBuilt,
      ledger: ledgerBuilt,
      'lineage-projector': lineageBuilt,
    },
    stop: async () => {
      const outcomes = await Promise.all(built.map((service) => service.stop()))
      for (const close of opened) await close()
      return outcomes.every((outcome) => outcome === 'drained')
    },
  }
}
