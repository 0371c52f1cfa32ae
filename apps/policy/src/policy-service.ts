import type { Bus } from '@countersign/bus'
import { groups, ownedTypes } from '@countersign/contracts'
import {
  bootCheck,
  deploymentKeyFromFile,
  type AppendedStreams,
  eventStore,
  type EventStoreOptions,
  keyring,
  listenStore,
  newId,
  notifyStore,
  type StoreListener,
  storePool,
} from '@countersign/event-store'
import {
  BusTransport,
  recordVerifier,
  type Compose,
  type Consumer,
  type Log,
  type ServiceParts,
  observeBusLag,
  openStoreGuard,
  tokenVerifierFor,
} from '@countersign/service-kit'
import pg from 'pg'
import { ActivatePolicySet } from './activate-policy-set/activate-policy-set.handler.ts'
import { readPolicyFolder } from './activate-policy-set/read-policy-folder.ts'
import { SeedPolicySets } from './activate-policy-set/seed-policy-sets.ts'
import { ActiveSets } from './active-sets.ts'
import { IntentWakeUps } from './evaluate-intent/intent-wake-ups.ts'
import { EvaluateIntents } from './evaluate-intent/evaluate-intent.handler.ts'
import { ExpireIntents } from './expire-intent/expire-intent.ts'
import type { PolicyConfig } from './policy.config.ts'
import { PolicyModule } from './policy.module.ts'

const timerConnections = 2
/** A process that stands still in the middle of ending intents holds them for so long; then another one ends them. */
const timerMayHoldMs = 1_000

/** What the service does not open itself. */
export type PolicyDependencies = {
  /** The caller closes it, after the service has stopped. */
  readonly bus: Bus
}

/** How the policy service is composed on a bus; for `runService` and `buildService`. */
export const policyService =
  ({ bus }: PolicyDependencies): Compose<PolicyConfig> =>
  async ({ config, log, checks }): Promise<ServiceParts> => {
    const connectionString = config.DATABASE_URL.reveal()
    const pool = storePool({ connectionString, max: config.DATABASE_POOL, applicationName: 'countersign-policy' })
    const timerPool = storePool({
      connectionString,
      max: timerConnections,
      applicationName: 'countersign-policy-timer',
      idleInTransactionMs: timerMayHoldMs,
    })
    for (const each of [pool, timerPool])
      each.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'))
    const closePools = async (): Promise<void> => {
      await timerPool.end()
      await pool.end()
    }
    try {
      await refuseUnsafeStore(pool)
      const { guard } = await openStoreGuard({ config, log, checks }, { pool, writer: `policy-${newId()}` })
      const source = await readPolicyFolder(config.POLICY_FOLDER)
      const deploymentKey = await deploymentKeyFromFile(config.DEPLOYMENT_KEY_FILE)
      const macKey = { kid: config.BUS_MAC_KEY_ID, secret: Buffer.from(config.BUS_MAC_KEY.reveal(), 'base64url') }
      const notifier = notifyStore(pool, { onError: (error) => log.warn({ err: error }, 'readers were not woken') })
      const storing: EventStoreOptions = {
        metadata: { service: 'policy' },
        onAppended: (moved) => notifier.wake(moved),
        guard,
      }
      const store = eventStore(pool, storing)
      const sets = new ActiveSets()
      const seeding = new SeedPolicySets(pool, new ActivatePolicySet(store, sets), source, log)
      const intents = new EvaluateIntents({
        pool,
        store,
        sets,
        keyring: keyring({ pool, deploymentKey }),
        collectWithinMs: config.COLLECT_WITHIN_MS,
        seed: (tenantIds) => seeding.seed(tenantIds),
      })
      const expiry = new ExpireIntents({ pool: timerPool, store: eventStore(timerPool, storing), log })
      checks.register({
        name: 'store',
        effect: 'not_ready',
        probe: async () => {
          await pool.query('select 1')
          return undefined
        },
      })
      const lag = observeBusLag(bus, groups.policy)
      return {
        module: PolicyModule.with({ pool, sets, wakeUps: new IntentWakeUps({ pool, intents, log }) }),
        verifier: tokenVerifierFor(config, log),
        transport: new BusTransport({
          bus,
          group: groups.policy,
          verify: recordVerifier([macKey]),
          onMacInvalid: (topic, records) => log.error({ topic, records }, 'records without a right MAC'),
        }),
        consumers: [seeding, expiry, new StoreWakeUps(connectionString, () => expiry.wake(), log)],
        onStop: async () => {
          lag.remove()
          await notifier.close()
          await closePools()
        },
      }
    } catch (error) {
      await closePools()
      throw error
    }
  }

const refuseUnsafeStore = async (pool: pg.Pool): Promise<void> => {
  const problems = await bootCheck(pool, ownedTypes('policy'))
  if (problems.length > 0)
    throw new Error(`the store is not safe to decide on: ${problems.map(({ detail }) => detail).join('; ')}`)
}

/** Hears that intents moved, whoever moved them. */
class StoreWakeUps implements Consumer {
  readonly name = 'store-wake-ups'
  readonly #connectionString: string
  readonly #wake: () => void
  readonly #log: Log
  #listener: StoreListener | undefined

  constructor(connectionString: string, wake: () => void, log: Log) {
    this.#connectionString = connectionString
    this.#wake = wake
    this.#log = log
  }

  async start(): Promise<void> {
    const connect = async () => {
      const client = new pg.Client({ connectionString: this.#connectionString })
      await client.connect()
      return client
    }
    const onAppended = (appended: AppendedStreams | undefined): void => {
      if (appended === undefined || appended.intents.length > 0) this.#wake()
    }
    this.#listener = listenStore(connect, onAppended, {
      onError: (error) => this.#log.warn({ err: error }, 'the listener on the store was interrupted'),
    })
  }

  async stop(): Promise<void> {
    await this.#listener?.close()
  }
}
