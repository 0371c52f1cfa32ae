import { randomUUID } from 'node:crypto'
import { createPostgresBus } from '@countersign/bus'
import { intakeConfig, intakeService } from '@countersign/intake'
import { composeLedger, ledgerConfig } from '@countersign/ledger'
import { composeLineageProjector, lineageProjectorConfig } from '@countersign/lineage-projector'
import { startIdentityProvider } from '@countersign/loopback/identity-provider'
import { policyConfig, policyService } from '@countersign/policy'
import { relayConfig, relayService } from '@countersign/relay'
import { buildService, createLog, readConfig, type Service } from '@countersign/service-kit'
import { fileURLToPath } from 'node:url'
import { until } from '../instance/until.ts'
import type { Mint } from '../instance/tokens.ts'
import type { Credentials } from '../running.ts'
import { readIntent } from '../stories.ts'
import { httpClient } from './http-client.ts'
import { type Cost, costOf, cpuMsOfServer, type CpuClocks, ownCpuMs } from './measure.ts'
import type { OpenedStore } from './opened-store.ts'

/** Cost of one event (of one intent where it says so) in each stage, with nothing else running. */
export type Stages = {
  readonly publishPerIntent: Cost
  readonly relayAndBusPerEvent: Cost
  readonly policyPerIntent: Cost
  /** Its row for the SIEM included. */
  readonly ledgerPerEvent: Cost
  /** The feed alone, every row once more. */
  readonly siemFeedPerRow: Cost
  readonly projectionPerEvent: Cost
}

export type StagesOptions = {
  readonly store: OpenedStore
  readonly credentials: Credentials
  readonly mint: Mint
  readonly dataDir: string
  readonly intents: number
}

const policies = fileURLToPath(new URL('../../../policies', import.meta.url))
const log = createLog({ service: 'bench', level: 'error' })

const numberOf = async ({ superuser }: OpenedStore, query: string): Promise<number> => {
  const { rows } = await superuser.query<{ n: string }>(`select (${query}) as n`)
  return Number(rows[0]?.n)
}
const reaches = (store: OpenedStore, query: string, wanted: number): Promise<unknown> =>
  until(async () => (await numberOf(store, query)) >= wanted, { what: query, withinMs: 300_000 })

const events = 'select count(*) from countersign.event'
const relayed = `select count(*) from countersign.event e, relay.lease r where (e.incarnation, e.xid, e.position) <= (r.incarnation, r.xid, r.position)`
const decidedIntents = `select count(*) from countersign.event where kind = 'intent' and type like '%.PolicyEvaluated.%'`
const entries = 'select count(*) from ledger.entry'
const fed = 'select coalesce(sum(fed), 0) from ledger.siem_progress'
const projected = 'select count(*) from lineage.audit_event'

/** Runs one service until the stage is done, and nothing of its building counts. */
const staged = async (
  clocks: CpuClocks,
  service: Service,
  { count, done }: { count: () => Promise<number>; done: () => Promise<unknown> },
): Promise<Cost> => {
  const before = await count()
  try {
    return await costOf(clocks, async () => {
      await service.start()
      await done()
      return (await count()) - before
    })
  } finally {
    await service.stop()
  }
}

/**
 * Takes the same intents through the product's own services one after another, each alone at full speed on what the one
 * before it left: intake, relay and bus, policy, ledger, SIEM feed, lineage.
 */
export const measureStages = async (options: StagesOptions): Promise<Stages> => {
  const { store, credentials, dataDir, intents } = options
  const clocks = { node: ownCpuMs, postgres: () => cpuMsOfServer(store.serverPid) }
  const { issuer, audience } = credentials
  const identity = { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience }
  const macKey = { BUS_MAC_KEY: store.busMacKey }
  const mark = { STORE_MARK_DIR: `${dataDir}/published`, STORE_MARK_KEY_FILE: store.key('store-mark.key') }
  const sealing = { DEPLOYMENT_KEY_FILE: store.key('deployment.key') }
  const provider = await startIdentityProvider({
    port: Number(new URL(issuer).port),
    audience,
    people: [],
    clients: [],
    signingKeyFile: store.key('identity-provider.json'),
  })
  const closing: (() => Promise<void>)[] = [() => provider.stop()]
  const busOf = (role: 'intake' | 'policy' | 'ledger' | 'lineage' | 'relay') => {
    const bus = createPostgresBus({ pool: store.poolOf(role), log: () => undefined })
    closing.unshift(() => bus.close())
    return bus
  }
  const relay = () =>
    buildService({
      name: 'relay',
      log,
      config: readConfig(relayConfig, { DATABASE_URL: store.urlOf('relay'), ...mark, ...macKey }),
      compose: relayService({ bus: busOf('relay') }),
    })
  const relaying = async (): Promise<Cost> => {
    const all = await numberOf(store, events)
    const count = () => numberOf(store, relayed)
    return staged(clocks, await relay(), { count, done: () => reaches(store, relayed, all) })
  }
  try {
    const intake = await buildService({
      name: 'intake',
      log,
      config: readConfig(intakeConfig, {
        DATABASE_URL: store.urlOf('intake'),
        ...mark,
        PUBLIC_URL: credentials.baseUrl,
        GRANT_KEY_FILE: store.key('grant.pem'),
        ADMISSION_PER_SECOND: '1000000',
        ...identity,
        ...sealing,
      }),
      compose: intakeService({ bus: busOf('intake') }),
    })
    const publishPerIntent = await publishAll(intake, clocks, options)
    const relayAndBusPerEvent = await relaying()

    const undecided = (await numberOf(store, decidedIntents)) + intents
    const policy = await buildService({
      name: 'policy',
      log,
      config: readConfig(policyConfig, {
        DATABASE_URL: store.urlOf('policy'),
        ...mark,
        POLICY_FOLDER: policies,
        ...identity,
        ...sealing,
        ...macKey,
      }),
      compose: policyService({ bus: busOf('policy') }),
    })
    const policyPerIntent = await staged(clocks, policy, {
      count: () => numberOf(store, decidedIntents),
      done: () => reaches(store, decidedIntents, undecided),
    })

    const all = await numberOf(store, events)
    const ledger = () =>
      buildService({
        name: 'ledger',
        log,
        config: readConfig(ledgerConfig, {
          DATABASE_URL: store.urlOf('ledger'),
          CHECKPOINT_KEY_FILE: store.key('log.pem'),
          PUBLISHED_MARK_DIR: `${dataDir}/published`,
          ...identity,
          ...macKey,
        }),
        compose: composeLedger({ bus: busOf('ledger') }),
      })
    const untilFed = () => reaches(store, fed, all)
    const ledgerPerEvent = await staged(clocks, await ledger(), {
      count: () => numberOf(store, entries),
      done: untilFed,
    })
    await store.superuser.query('delete from ledger.siem_progress')
    const siemFeedPerRow = await staged(clocks, await ledger(), { count: () => numberOf(store, fed), done: untilFed })

    await relaying()
    const lineage = await buildService({
      name: 'lineage-projector',
      log,
      config: readConfig(lineageProjectorConfig, { DATABASE_URL: store.urlOf('lineage'), ...identity, ...macKey }),
      compose: composeLineageProjector({ bus: busOf('lineage') }),
    })
    const projectionPerEvent = await staged(clocks, lineage, {
      count: () => numberOf(store, projected),
      done: () => reaches(store, projected, all),
    })
    return {
      publishPerIntent,
      relayAndBusPerEvent,
      policyPerIntent,
      ledgerPerEvent,
      siemFeedPerRow,
      projectionPerEvent,
    }
  } finally {
    for (const close of closing) await close()
  }
}

const publishAll = async (intake: Service, clocks: CpuClocks, { mint, intents }: StagesOptions): Promise<Cost> => {
  const client = httpClient(await intake.listen({ port: 0 }), 64)
  const token = await mint.token({ sub: 'etl-bot', client_id: 'etl-bot' })
  const one = async (): Promise<void> => {
    const { status, body } = await client.send('/v1/intents', { token, body: readIntent(), key: randomUUID() })
    if (status !== 202) throw new Error(`an intent was answered with ${status}: ${JSON.stringify(body)}`)
  }
  try {
    await intake.start()
    await one()
    return await costOf(clocks, async () => {
      let left = intents
      const worker = async (): Promise<void> => {
        while (left > 0) {
          left -= 1
          await one()
        }
      }
      await Promise.all(Array.from({ length: 64 }, worker))
      return intents
    })
  } finally {
    client.close()
    await intake.stop()
  }
}
