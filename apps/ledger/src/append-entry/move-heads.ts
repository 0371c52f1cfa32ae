import type { Appended } from '@countersign/merkle-log'
import type { Cursor } from '@countersign/event-store'
import type { ClientBase } from 'pg'
import { LedgerDiverged } from './ledger-diverged.ts'
import type { LogHead } from './log-heads.ts'

/** A log before and after a batch. */
export interface GrownLog {
  readonly head: LogHead
  readonly grown: Appended
}

/**
 * Moves heads, tiles and cursor, each only from where it was read: whoever else moved one meanwhile makes this throw.
 * A tile only ever grows at its end; one that is not exactly as long as expected is not written to.
 */
export const moveHeads = async (
  client: ClientBase,
  logs: readonly GrownLog[],
  cursor: { readonly from: Cursor; readonly to: Cursor },
): Promise<void> => {
  const { from, to } = cursor
  const tiles = logs.flatMap(({ head, grown }) => grown.tiles.map((tile) => ({ logId: head.logId, ...tile })))
  const { rows } = await client.query<{ heads: number; tiles: number; cursors: number }>({
    name: 'ledger_move_heads',
    text: `
      with moved as (
        update ledger.log_head h set size = m.size, frontier = m.frontier
        from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[]) as m(log_id, before, size, frontier)
        where h.log_id = m.log_id and h.size = m.before returning 1
      ), step as (
        select * from unnest($5::uuid[], $6::smallint[], $7::bigint[], $8::int[], $9::bytea[])
          as s(log_id, level, idx, start, hashes)
      ), opened as (
        insert into ledger.tile (log_id, level, idx, hashes)
        select log_id, level, idx, hashes from step where start = 0 returning 1
      ), lengthened as (
        update ledger.tile t set hashes = t.hashes || s.hashes from step s
        where s.start > 0 and t.log_id = s.log_id and t.level = s.level and t.idx = s.idx
          and octet_length(t.hashes) = s.start * 32
        returning 1
      ), passed as (
        update ledger.progress set incarnation = $10, xid = $11::xid8, position = $12
        where name = 'events' and incarnation = $13 and xid = $14::xid8 and position = $15 returning 1
      )
      select (select count(*) from moved)::int as heads, (select count(*) from passed)::int as cursors,
        ((select count(*) from opened) + (select count(*) from lengthened))::int as tiles`,
    values: [
      logs.map(({ head }) => head.logId),
      logs.map(({ head }) => head.size),
      logs.map(({ grown }) => grown.size),
      logs.map(({ grown }) => grown.frontier),
      tiles.map(({ logId }) => logId),
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      tiles.map((tile) => tile.from),
      tiles.map(({ hashes }) => hashes),
      to.incarnation,
      to.xid,
      to.position,
      from.incarnation,
      from.xid,
      from.position,
    ],
  })
  const [done] = rows
  if (done?.cursors !== 1) throw new LedgerDiverged('progress_moved', { position: to.position })
  if (done.heads !== logs.length) throw new LedgerDiverged('head_moved', { moved: done.heads, expected: logs.length })
  if (done.tiles !== tiles.length) throw new LedgerDiverged('tile_moved', { moved: done.tiles, expected: tiles.length })
}
