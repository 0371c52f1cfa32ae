import type { StreamKind } from '@countersign/contracts'
import type { ClientBase } from 'pg'
import type { LoggedEvent } from './leaf.ts'

/** An event with the log that it belongs into. */
export interface Assigned {
  readonly logId: string
  readonly event: LoggedEvent
}

/** The last entry of a stream in a log. */
export interface StreamTail {
  readonly version: number
  readonly hash: Buffer
}

/** Names a stream of a log in maps. */
export const streamKey = (logId: string, { kind, streamId }: Pick<LoggedEvent, 'kind' | 'streamId'>): string =>
  `${logId}/${kind}/${streamId}`

/** Ids of those events that are in their log already. */
export const findLogged = async (client: ClientBase, batch: readonly Assigned[]): Promise<Set<string>> => {
  const { rows } = await client.query<{ event_id: string }>({
    name: 'ledger_find_logged',
    text: `
      select e.event_id from unnest($1::uuid[], $2::uuid[]) as b(log_id, event_id)
      join ledger.entry e on e.log_id = b.log_id and e.event_id = b.event_id`,
    values: [batch.map(({ logId }) => logId), batch.map(({ event }) => event.eventId)],
  })
  return new Set(rows.map((row) => row.event_id))
}

/** Last entries of the streams that the events continue; a stream that begins with the batch has none. */
export const findTails = async (client: ClientBase, batch: readonly Assigned[]): Promise<Map<string, StreamTail>> => {
  const first = new Map<string, Assigned>()
  for (const assigned of batch) {
    const key = streamKey(assigned.logId, assigned.event)
    if (!first.has(key)) first.set(key, assigned)
  }
  const continued = [...first.values()].filter(({ event }) => event.version > 1)
  if (continued.length === 0) return new Map()
  const { rows } = await client.query<TailRow>({
    name: 'ledger_find_tails',
    text: `
      select s.log_id, s.kind, s.stream_id, tail.version, tail.leaf_hash
      from unnest($1::uuid[], $2::text[], $3::uuid[]) as s(log_id, kind, stream_id)
      cross join lateral (
        select e.version, e.leaf_hash from ledger.entry e
        where e.log_id = s.log_id and e.kind = s.kind and e.stream_id = s.stream_id
        order by e.version desc limit 1
      ) as tail`,
    values: [
      continued.map(({ logId }) => logId),
      continued.map(({ event }) => event.kind),
      continued.map(({ event }) => event.streamId),
    ],
  })
  return new Map(
    rows.map((row) => [
      streamKey(row.log_id, { kind: row.kind, streamId: row.stream_id }),
      { version: Number(row.version), hash: row.leaf_hash },
    ]),
  )
}

interface TailRow {
  log_id: string
  kind: StreamKind
  stream_id: string
  version: string
  leaf_hash: Buffer
}
