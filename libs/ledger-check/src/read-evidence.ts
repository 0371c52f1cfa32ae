import type { ClientBase } from 'pg'
import type { StreamKind } from '@countersign/contracts'
import type { LoggedEvent } from './leaf.ts'
import { parseLeaf, type StoredEntry } from './judge-entry.ts'

const PAGE = 1_000

interface EntryRow {
  idx: string
  event_id: string
  kind: string
  stream_id: string
  version: string
  leaf_hash: Buffer
  leaf: Buffer
  prev_hash: Buffer | null
  prev_idx: string | null
}

/** Entries of a log in order, a page at a time. */
export async function* entryPages(client: ClientBase, logId: string): AsyncGenerator<StoredEntry[]> {
  for (let from = -1; ; ) {
    const { rows } = await client.query<EntryRow>(
      `select e.idx, e.event_id, e.kind, e.stream_id, e.version, e.leaf_hash, e.leaf,
         p.leaf_hash as prev_hash, p.idx as prev_idx
       from (select * from ledger.entry where log_id = $1 and idx > $2 order by idx limit $3) as e
       left join ledger.entry p
         on p.log_id = e.log_id and p.kind = e.kind and p.stream_id = e.stream_id and p.version = e.version - 1
       order by e.idx`,
      [logId, from, PAGE],
    )
    if (rows.length > 0) yield rows.map(entryOf)
    if (rows.length < PAGE) return
    from = Number(rows.at(-1)?.idx)
  }
}

/** Hashes that the level 0 tiles hold for the places from `first` to `last`. */
export const tileHashes = async (
  client: ClientBase,
  logId: string,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<(index: number) => Uint8Array | undefined> => {
  const { rows } = await client.query<{ idx: string; hashes: Buffer }>(
    'select idx, hashes from ledger.tile where log_id = $1 and level = 0 and idx between $2 and $3',
    [logId, Math.floor(first / 256), Math.floor(last / 256)],
  )
  const tiles = new Map(rows.map((row) => [Number(row.idx), row.hashes]))
  return (index) => {
    const hash = tiles.get(Math.floor(index / 256))?.subarray((index % 256) * 32, (index % 256) * 32 + 32)
    return hash?.length === 32 ? hash : undefined
  }
}

interface EventRow {
  at: number
  event_id: string
  tenant_id: string
  kind: StreamKind
  stream_id: string
  version: string
  type: string
  recorded_at: Date
  data: unknown
}

/**
 * The event rows that entries are about, by the place of the entry in the page. An entry is believed about its own
 * event by what its leaf says, as long as that can be read; its columns may have been changed.
 */
export const eventsOf = async (
  client: ClientBase,
  entries: readonly StoredEntry[],
): Promise<ReadonlyMap<number, LoggedEvent>> => {
  const keys = entries.map(({ leaf, kind, streamId, version }) => {
    const text = parseLeaf(leaf)
    const isReadable =
      typeof text?.kind === 'string' && typeof text.version === 'number' && isUuid(text.stream) && text.version > 0
    return isReadable
      ? { kind: text.kind, stream: text.stream, version: text.version }
      : { kind, stream: streamId, version }
  })
  const { rows } = await client.query<EventRow>(
    `select k.at::int as at, v.event_id, v.tenant_id, v.kind, v.stream_id, v.version, v.type, v.recorded_at, v.data
     from unnest($1::text[], $2::uuid[], $3::bigint[]) with ordinality as k(kind, stream_id, version, at)
     join countersign.event v on v.kind = k.kind and v.stream_id = k.stream_id and v.version = k.version`,
    [keys.map((key) => key.kind), keys.map((key) => key.stream), keys.map((key) => key.version)],
  )
  return new Map(
    rows.map((row) => [
      row.at - 1,
      {
        eventId: row.event_id,
        tenantId: row.tenant_id,
        wireType: row.type,
        kind: row.kind,
        streamId: row.stream_id,
        version: Number(row.version),
        recordedAt: row.recorded_at.toISOString(),
        data: row.data,
      },
    ]),
  )
}

const isUuid = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)

const entryOf = (row: EntryRow): StoredEntry => ({
  index: Number(row.idx),
  eventId: row.event_id,
  kind: row.kind,
  streamId: row.stream_id,
  version: Number(row.version),
  leafHash: row.leaf_hash,
  leaf: row.leaf,
  prevHash: row.prev_hash,
  prevIndex: row.prev_idx === null ? null : Number(row.prev_idx),
})
