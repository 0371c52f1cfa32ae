import type { ClientBase } from 'pg'
import type { LoggedEvent } from '@countersign/ledger-check'

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

export interface EarlierEntries {
  /** Ids of those events of the batch that are in their log already. */
  readonly logged: ReadonlySet<string>
  /** By `streamKey`; a stream that begins with the batch has none. */
  readonly tails: Map<string, StreamTail>
}

/** Names a stream of a log in maps. */
export const streamKey = (logId: string, { kind, streamId }: Pick<LoggedEvent, 'kind' | 'streamId'>): string =>
  `${logId}/${kind}/${streamId}`

/** What the logs already hold of a batch: its own events, and the entries that its streams continue. */
export const findEarlier = async (client: ClientBase, batch: readonly Assigned[]): Promise<EarlierEntries> => {
  const continued = firstOfEachStream(batch).filter(({ event }) => event.version > 1)
  const { rows } = await client.query<[number, string | null, string | null, Buffer | null]>({
    name: 'ledger_find_earlier',
    text: `
      select 0, e.event_id, null, null
      from unnest($1::uuid[], $2::uuid[]) as b(log_id, event_id)
      join ledger.entry e on e.log_id = b.log_id and e.event_id = b.event_id
      union all
      select s.at::int, null, tail.version::text, tail.leaf_hash
      from unnest($3::uuid[], $4::text[], $5::uuid[]) with ordinality as s(log_id, kind, stream_id, at)
      cross join lateral (
        select e.version, e.leaf_hash from ledger.entry e
        where e.log_id = s.log_id and e.kind = s.kind and e.stream_id = s.stream_id
        order by e.version desc limit 1
      ) as tail`,
    values: [
      batch.map(({ logId }) => logId),
      batch.map(({ event }) => event.eventId),
      continued.map(({ logId }) => logId),
      continued.map(({ event }) => event.kind),
      continued.map(({ event }) => event.streamId),
    ],
    rowMode: 'array',
  })
  const logged = new Set<string>()
  const tails = new Map<string, StreamTail>()
  for (const [at, eventId, version, hash] of rows) {
    const stream = continued[at - 1]
    if (eventId !== null) logged.add(eventId)
    if (stream !== undefined && hash !== null) {
      tails.set(streamKey(stream.logId, stream.event), { version: Number(version), hash })
    }
  }
  return { logged, tails }
}

const firstOfEachStream = (batch: readonly Assigned[]): Assigned[] => {
  const first = new Map<string, Assigned>()
  for (const assigned of batch) {
    const key = streamKey(assigned.logId, assigned.event)
    if (!first.has(key)) first.set(key, assigned)
  }
  return [...first.values()]
}
