import type { Bus } from '@countersign/bus'
import { ownedTypes } from '@countersign/contracts'
import {
  bootCheck,
  deploymentKeyFromFile,
  eventStore,
  keyring,
  listenStore,
  newId,
  notifyStore,
  gatheredLoads,
  storePool,
} from '@countersign/event-store'
import {
  type Compose,
  mutualTlsOf,
  openStoreGuard,
  pageClientsIn,
  tokenVerifierFor,
  WaitingReaders,
} from '@countersign/service-kit'
import pg from 'pg'
import { RecordBrokerRefusals } from './record-broker-refusals/broker-refusals.handler.ts'
import { ContinueLog } from './continue-log/continue-log.handler.ts'
import { AdoptStore } from './adopt-store/adopt-store.handler.ts'
import { ActivePolicy } from './active-policy.ts'
import { ExpireGrants } from './expire-grant/expire-grant.ts'
import { EmergencyFreeze } from './freeze/emergency-freeze.handler.ts'
import { followFreezeCredential } from './freeze/follow-freeze-credential.ts'
import { Freeze } from './freeze/freeze.handler.ts'
import type { IntakeConfig } from './intake.config.ts'
import { IntakeModule } from './intake.module.ts'
import { IssueGrant } from './issue-grant/issue-grant.handler.ts'
import { ChangeEntry } from './keep-registers/change-entry.ts'
import { PeopleClients } from './keep-registers/people-clients.ts'
import { ReadRegisters } from './keep-registers/read-registers.ts'
import { RemoveEntry } from './keep-registers/remove-entry.ts'
import { ReviewEntry } from './keep-registers/review-entry.ts'
import { Admission } from './publish-intent/admission.ts'
import { PublishBatch } from './publish-intent/publish-batch.ts'
import { PublishIntent } from './publish-intent/publish-intent.handler.ts'
import { ReadIntent } from './read-intent/wait-for-decision.ts'
import { ReconcileExecution } from './reconcile-execution/reconcile-execution.handler.ts'
import { ReadQuarantine } from './quarantine-record/read-quarantine.ts'
import { RedriveParked } from './redrive-parked/redrive-parked.handler.ts'
import { RedriveQuarantined } from './redrive-quarantined/redrive-quarantined.handler.ts'
import { ForgetRecords } from './record-refusal/forget-records.ts'
import { RecordRefusal } from './record-refusal/record-refusal.handler.ts'
import { RecordRefusals } from './record-refusal/record-refusals.ts'
import { ShedRequests } from './record-refusal/shed-requests.ts'
import { RedeemGrant } from './redeem-grant/redeem-grant.handler.ts'
import { Registers } from './register-agent/register.handler.ts'
import { ReportExecution } from './report-execution/report-execution.handler.ts'
import { alertOn } from './report-execution/unauthorized-execution.ts'
import { RevokeGrant } from './revoke-grant/revoke-grant.handler.ts'
import { followGrantKeys } from './signing-key.ts'
import { openProducerTopics } from './take-records/open-producer-topics.ts'
import { WithdrawIntent } from './withdraw-intent/withdraw-intent.handler.ts'

/** What the service does not open itself. */
export type IntakeDependencies = {
  /** The caller closes it, after the service has stopped. */
  readonly bus: Bus
}

/** Loads for readers at a time; one connection each. */
const concurrentReads = 2

/** Composes the intake service on a bus: pool of its own role, store, handlers, sweeper, HTTP. */
export const intakeService =
  ({ bus }: IntakeDependencies): Compose<IntakeConfig> =>
  async ({ config, log, checks, stopping }) => {
    const mutualTls = mutualTlsOf(config)
    const connectionString = config.DATABASE_URL.reveal()
    const pool = storePool({ connectionString, max: config.DATABASE_POOL, applicationName: 'countersign-intake' })
    // Long polls have connections of their own: however many wait, freezing, revoking and redeeming get through.
    const readPool = storePool({ connectionString, max: concurrentReads, applicationName: 'countersign-intake-reads' })
    for (const each of [pool, readPool])
      each.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'))
    const problems = await bootCheck(pool, ownedTypes('intake'))
    if (problems.length > 0) {
      throw new Error(
        `the database is not safe to use: ${problems.map(({ code, detail }) => `${code} (${detail})`).join(', ')}`,
      )
    }
    const { guard, marks } = await openStoreGuard({ config, log, checks }, { pool, writer: `intake-${newId()}` })
    const onError = (error: unknown): void => log.warn({ err: error }, 'a store notification failed')
    const notifier = notifyStore(pool, { onError })
    const waiting = new WaitingReaders()
    const store = eventStore(pool, {
      metadata: { service: 'intake' },
      onAppended: (moved) => notifier.wake(moved),
      guard,
    })
    const keys = keyring({ pool, deploymentKey: await deploymentKeyFromFile(config.DEPLOYMENT_KEY_FILE) })
    const verifier = tokenVerifierFor(config, log)
    const record = new RecordRefusal(store)
    const shed = new ShedRequests(record, log)
    const refusals = new RecordRefusals({ pool, verifier, record, shed, log })
    const reads = gatheredLoads(eventStore(readPool, { metadata: { service: 'intake' } }), concurrentReads)
    const grantKeys = followGrantKeys({ signing: config.GRANT_KEY_FILE, verifying: config.GRANT_VERIFY_KEYS_FILE }, log)
    const publish = new PublishIntent({ store, keyring: keys, deadlineMs: config.INTENT_DEADLINE_MS })
    const admission = new Admission(config.ADMISSION_PER_SECOND)
    const report = new ReportExecution(pool, store, alertOn(log))
    const records = openProducerTopics({
      pool,
      bus,
      store,
      keyring: keys,
      publish,
      admission,
      report,
      shed,
      checks,
      log,
    })
    const listener = listenStore(
      async () => {
        const client = new pg.Client({ connectionString })
        await client.connect()
        return client
      },
      (appended) => {
        waiting.wake(appended?.intents)
        if (appended === undefined || appended.hasRegisters) records.producers.wake()
      },
      { onError },
    )
    const issuer = config.PUBLIC_URL
    const registers = new Registers(store)
    const operators = { pool, operatorsOf: config.OPERATORS_TENANT }
    const freeze = new Freeze(store, operators)
    checks.register({
      name: 'database',
      effect: 'not_ready',
      probe: async () => {
        await pool.query('select 1')
        return undefined
      },
    })
    return {
      module: IntakeModule.of({
        pool,
        read: new ReadIntent(reads, waiting, stopping),
        publish: new PublishBatch(publish),
        admission,
        refusals,
        issue: new IssueGrant({ store, keyring: keys, policy: new ActivePolicy(), keys: grantKeys, issuer }),
        redeem: new RedeemGrant({
          pool,
          store,
          keyring: keys,
          keys: grantKeys,
          issuer,
          reportWithinMs: config.REPORT_WITHIN_MS,
        }),
        revoke: new RevokeGrant(pool, store),
        report,
        takeIntents: records.intents,
        takeReports: records.reports,
        quarantine: new ReadQuarantine({ pool, store, keyring: keys }),
        redriveQuarantined: new RedriveQuarantined({ pool, store, keyring: keys, ...records }),
        redriveParked: new RedriveParked({ pool, bus, store }),
        reconcile: new ReconcileExecution(pool, store),
        withdraw: new WithdrawIntent(store),
        keepRegisters: {
          read: new ReadRegisters(pool),
          change: new ChangeEntry({
            pool,
            registers,
            peopleClients: new PeopleClients({
              named: config.PEOPLE_CLIENTS,
              ownIssuer: config.OIDC_ISSUER,
              readPages: () => pageClientsIn(config),
            }),
          }),
          remove: new RemoveEntry(store),
          review: new ReviewEntry(store),
        },
        freeze,
        emergencyFreeze: new EmergencyFreeze({
          store,
          freeze,
          operators,
          holdsCredential: followFreezeCredential(config.FREEZE_CREDENTIAL_FILE, log),
        }),
        adoption: new AdoptStore({
          pool,
          marks,
          store: eventStore(pool, { metadata: { service: 'intake' }, onAppended: (moved) => notifier.wake(moved) }),
          operators,
        }),
        continueLog: new ContinueLog({ pool, store, operators }),
        brokerRefusals: new RecordBrokerRefusals({ pool, store, operators }),
        keys: grantKeys,
        publicUrl: config.PUBLIC_URL,
      }),
      verifier,
      transport: records.transport,
      consumers: [records.producers, shed, new ForgetRecords(pool, log), new ExpireGrants(pool, store, log)],
      edge: { bodyLimit: 65_536, onRefused: (refusal) => refusals.ofEdge(refusal) },
      ...(mutualTls === undefined ? {} : { mutualTls }),
      onStop: async () => {
        await listener.close()
        await notifier.close()
        await Promise.all([pool.end(), readPool.end()])
      },
    }
  }
