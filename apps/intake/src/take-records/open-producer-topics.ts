import type { Bus } from '@countersign/bus'
import type { EventStore, Keyring } from '@countersign/event-store'
import { type Consumer, type Log, ProducerTransport, type ServiceContext } from '@countersign/service-kit'
import type pg from 'pg'
import type { Admission } from '../publish-intent/admission.ts'
import type { PublishIntent } from '../publish-intent/publish-intent.handler.ts'
import type { ShedRequests } from '../record-refusal/shed-requests.ts'
import type { ReportExecution } from '../report-execution/report-execution.handler.ts'
import { FollowProducers } from './follow-producers.ts'
import { groupOfProducer } from './producer-topics.ts'
import { RefuseRecords } from './refuse-records.ts'
import { sealQuarantined } from './seal-quarantined.ts'
import { TakeIntents } from './take-intents.ts'
import { TakeReports } from './take-reports.ts'

/** Records of one producer that are stored in one transaction. */
const recordsPerBatch = 200

export type ProducerTopicsOptions = Pick<ServiceContext<unknown>, 'checks'> & {
  readonly log: Log
  readonly pool: pg.Pool
  readonly bus: Bus
  readonly store: EventStore
  readonly keyring: Keyring
  readonly publish: PublishIntent
  readonly admission: Admission
  readonly report: ReportExecution
  readonly shed: ShedRequests
}

export type ProducerTopics = {
  readonly transport: ProducerTransport
  readonly intents: TakeIntents
  readonly reports: TakeReports
  /** Subscribes to the producers of the register; `wake` it when something was appended. */
  readonly producers: Consumer & { wake(): void }
}

/** Everything that takes what producers write to their topics. */
export const openProducerTopics = (options: ProducerTopicsOptions): ProducerTopics => {
  const { log, pool, bus, checks } = options
  const refuse = new RefuseRecords(options)
  const transport = new ProducerTransport({
    bus,
    groupOf: groupOfProducer,
    maxBatch: recordsPerBatch,
    sealQuarantined: sealQuarantined(pool, refuse),
    onTrouble: (trouble, err) => log.error({ ...trouble, err }, 'the topics of a producer cannot be consumed'),
  })
  return {
    transport,
    intents: new TakeIntents({ ...options, refuse }),
    reports: new TakeReports({ ...options, refuse }),
    producers: new FollowProducers({ pool, bus, transport, checks, log }),
  }
}
