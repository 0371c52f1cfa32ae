import { isRefusalCode, refuse, type Refusal } from '@countersign/contracts'
import { prepared, type Transaction } from '@countersign/event-store'

/** A record that a producer wrote, as its refusal names it. */
export type TakenRecord = {
  readonly topic: string
  readonly position: string
  /** Of the value; null when it had none. */
  readonly digest: string | null
  /** Id that the producer gave the request; absent where none could be read that may be repeated. */
  readonly requestId?: string
}

/** A refused record with what was answered for it. */
export type RefusedRecord = {
  readonly record: TakenRecord
  readonly tenantId: string
  readonly code: string
  readonly quarantined: boolean
}

/** Names a record in the map that `findRefused` answers. */
export const recordName = ({ topic, position }: Pick<TakenRecord, 'topic' | 'position'>): string =>
  `${topic}/${position}`

/**
 * What the event of a refusal says of the record: the id of the request, or else the digest by which its producer
 * recognises what it sent. Nothing for a request over HTTP.
 */
export const onTheBus = (
  record: Pick<TakenRecord, 'requestId' | 'digest'> | undefined,
): { readonly carrier?: 'bus'; readonly requestId?: string; readonly bytesDigest?: string } => {
  if (record === undefined) return {}
  const { requestId, digest } = record
  if (requestId !== undefined) return { carrier: 'bus', requestId }
  return { carrier: 'bus', ...(digest === null ? {} : { bytesDigest: digest }) }
}

/** What was answered for a record. */
export type FormerAnswer = { readonly refusal: Refusal; readonly code: string; readonly isQuarantined: boolean }

/** Those of the records that were refused before, by name: a bus delivers at least once. */
export const findRefused = async (
  tx: Transaction,
  records: readonly TakenRecord[],
): Promise<Map<string, FormerAnswer>> => {
  if (records.length === 0) return new Map()
  const { rows } = await tx.query<{ topic: string; position: string; code: string; quarantined: boolean }>(
    prepared(
      `select r.topic, r.position, r.code, r.quarantined
     from unnest($1::text[], $2::text[], $3::text[]) as t(topic, position, bytes_digest)
     cross join lateral (select * from intake.refused_record i
       where i.topic = t.topic and i.position = t.position offset 0) as r
     where r.bytes_digest is not distinct from t.bytes_digest`,
      [records.map(({ topic }) => topic), records.map(({ position }) => position), records.map(({ digest }) => digest)],
    ),
  )
  return new Map(
    rows.map(({ code, quarantined: isQuarantined, ...place }) => [
      recordName(place),
      { refusal: refuse(isRefusalCode(code) ? code : 'invalid_request'), code, isQuarantined },
    ]),
  )
}

/** Another consumer refused the same record meanwhile. The store decides again, and then finds what that one answered. */
class RefusedMeanwhile extends Error {
  override readonly name = 'RefusedMeanwhile'
  /** Serialization failure: the same work is done again in a new transaction. */
  readonly code = '40001'
}

/** Remembers refused records in the transaction of their events; each once. */
export const rememberRefused = async (tx: Transaction, refused: readonly RefusedRecord[]): Promise<void> => {
  if (refused.length === 0) return
  const { rowCount } = await tx.query(
    prepared(
      `insert into intake.refused_record as r (topic, position, bytes_digest, tenant_id, code, quarantined)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::boolean[]) order by 1, 2
     on conflict (topic, position) do update set bytes_digest = excluded.bytes_digest, tenant_id = excluded.tenant_id,
       code = excluded.code, quarantined = excluded.quarantined, refused_at = clock_timestamp()
       where r.bytes_digest is distinct from excluded.bytes_digest`,
      [
        refused.map(({ record }) => record.topic),
        refused.map(({ record }) => record.position),
        refused.map(({ record }) => record.digest),
        refused.map(({ tenantId }) => tenantId),
        refused.map(({ code }) => code),
        refused.map(({ quarantined }) => quarantined),
      ],
    ),
  )
  if (rowCount !== refused.length) throw new RefusedMeanwhile('a record was refused meanwhile')
}
