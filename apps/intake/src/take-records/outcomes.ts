import type { DeliveredRecord, RecordOutcome } from '@countersign/bus'
import { withTenants } from '@countersign/event-store'
import type pg from 'pg'
import { findRefused, recordName, type TakenRecord } from '../record-refusal/taken-record.ts'
import type { RecordRefusal } from './read-record.ts'

/** What became of one record. */
export type TakenOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly refusal: RecordRefusal; readonly isQuarantined: boolean }

/** Where records come from: the subscription of a group, or the quarantine that they are still in. */
export type TakenFrom = { readonly group: string; readonly isRedrive?: boolean }

/** Those of the bad records that are refused now; what stays in quarantine is there already, and was refused when it came. */
export const toRefuse = <Bad extends { readonly isQuarantined: boolean }>(
  { isRedrive = false }: TakenFrom,
  bad: readonly Bad[],
): readonly Bad[] => (isRedrive ? bad.filter(({ isQuarantined }) => !isQuarantined) : bad)

export type Outcomes = Map<DeliveredRecord, TakenOutcome>

/** The answer that the bus gets for a record. */
export const recordOutcome = (outcome: TakenOutcome | undefined): RecordOutcome => {
  if (outcome === undefined) throw new Error('a record was not answered')
  return outcome.kind === 'refused' && outcome.isQuarantined ? { quarantine: outcome.refusal.code } : 'done'
}

/** The outcomes of records that were refused when they were delivered before: whoever asks again is told the same. */
export const answeredBefore = async (
  pool: pg.Pool,
  { tenantId }: { readonly tenantId: string },
  records: readonly { readonly delivered: DeliveredRecord; readonly record: TakenRecord }[],
): Promise<Outcomes> => {
  const former = await withTenants(pool, [tenantId], (tx) =>
    findRefused(
      tx,
      records.map(({ record }) => record),
    ),
  )
  return new Map(
    records.flatMap(({ delivered, record }) => {
      const answer = former.get(recordName(record))
      if (answer === undefined) return []
      const { code, isQuarantined } = answer
      return [[delivered, { kind: 'refused', refusal: { code }, isQuarantined }] as const]
    }),
  )
}
