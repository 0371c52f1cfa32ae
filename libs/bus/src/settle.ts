import { topics } from '@countersign/contracts'
import type {
  BatchOutcome,
  DeliveredBatch,
  DeliveredRecord,
  ReasonCode,
  RecordOutcome,
  SubscribeOptions,
} from './bus.ts'

const reasonCode = /^[a-z][a-z0-9_]{0,63}$/

const publishableReason = (reason: ReasonCode): ReasonCode => (reasonCode.test(reason) ? reason : 'reason_malformed')

const setAside = (answer: Exclude<RecordOutcome, 'done'> | undefined) => {
  if (typeof answer === 'object' && answer !== null) {
    if ('quarantine' in answer) return { kind: 'quarantine', reason: publishableReason(answer.quarantine) } as const
    if ('park' in answer) return { kind: 'park', reason: publishableReason(answer.park) } as const
  }
  throw new TypeError('a record outcome is "done", a quarantine or a park')
}

/** A record with the reason it was set aside for. */
export interface SetAside {
  readonly record: DeliveredRecord
  readonly reason: ReasonCode
}

/** A batch after its handler answered: every record is in exactly one of the three, each in delivery order. */
export interface Settled {
  readonly done: readonly DeliveredRecord[]
  readonly quarantined: readonly SetAside[]
  /** The poisonous records and all that is behind them on their keys. */
  readonly parked: readonly SetAside[]
}

/** Why a record is parked that waits behind a poisonous one of its key. */
export const behindParked = 'behind_parked_record'

/**
 * Sorts the records of a batch by the handler's answer. Throws TypeError when the answer does not fit the batch: the
 * driver treats that like any thrown error, as an outage.
 */
export const settle = (records: readonly DeliveredRecord[], outcome: BatchOutcome): Settled => {
  if (outcome === 'done') return { done: records, quarantined: [], parked: [] }
  if (!Array.isArray(outcome) || outcome.length !== records.length) {
    throw new TypeError('a batch handler answers "done" or one outcome per record')
  }
  const done: DeliveredRecord[] = []
  const quarantined: SetAside[] = []
  const parked: SetAside[] = []
  const stoppedKeys = new Set<string>()
  for (const [index, record] of records.entries()) {
    const answer = (outcome as Exclude<BatchOutcome, 'done'>)[index]
    if (record.key !== null && stoppedKeys.has(record.key)) {
      parked.push({ record, reason: behindParked })
    } else if (answer === 'done') {
      done.push(record)
    } else {
      const { kind, reason } = setAside(answer)
      if (kind === 'quarantine' && record.topic !== topics.quarantine) {
        quarantined.push({ record, reason })
      } else {
        parked.push({ record, reason })
        if (record.key !== null) stoppedKeys.add(record.key)
      }
    }
  }
  return { done, quarantined, parked }
}

/**
 * Hands a batch to its handler as often as `redeliver` says (1 to 5, anything else is held to that) and sorts the
 * last answer.
 */
export const deliver = async (
  batch: DeliveredBatch,
  handle: SubscribeOptions['handle'],
  redeliver: (() => number) | undefined,
): Promise<Settled> => {
  const times = Math.min(5, Math.max(1, Math.trunc(redeliver?.() ?? 1)))
  for (let time = 1; time < times; time += 1) await handle(batch)
  return settle(batch.records, await handle(batch))
}
