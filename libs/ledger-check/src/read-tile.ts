import type { ReadTile } from '@countersign/merkle-log'
import type { ClientBase, Pool } from 'pg'

export type Database = Pick<ClientBase, 'query'> | Pool

/** Reads tiles of a log from its table; an empty answer for a tile that is not there. */
export const tilesIn =
  (db: Database, logId: string): ReadTile =>
  async (level, index, width) => {
    const { rows } = await db.query<{ hashes: Buffer }>({
      text: `select substring(hashes from 1 for $4) as hashes from ledger.tile
        where log_id = $1 and level = $2 and idx = $3`,
      values: [logId, level, index, width * 32],
    })
    return rows[0]?.hashes ?? Buffer.alloc(0)
  }
