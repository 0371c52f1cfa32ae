import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { roundOf } from '../compare.ts'
import { connectedTo } from '../opened-store.ts'
import type { OpenSide } from '../side/side.ts'
import { chunksOf, entriesFrom, makeTableLikeEntry, type NewRows } from './entry-rows.ts'
import { encoder } from './ledger-append.ts'
import { clocksOf, type StoreAddress } from './store-address.ts'

/** COPY BINARY of the rows that the ledger wrote, which were read before, and nothing else; a transaction for each batch. */
export const open: OpenSide<StoreAddress, NewRows> = async (store) => {
  const pool = connectedTo(store.superuserUrl)
  const encode = await encoder()
  await makeTableLikeEntry(pool, 'copied_entry')
  return {
    round: async (wanted) => {
      const rows = await entriesFrom(pool, wanted)
      return roundOf(clocksOf(store), async () => {
        const client = await pool.connect()
        for (const batch of chunksOf(rows, store.rowsPerCommit)) {
          await client.query('begin')
          const into = client.query(copyFrom('copy bench.copied_entry from stdin (format binary)'))
          await pipeline(Readable.from([encode(batch)]), into)
          await client.query('commit')
        }
        client.release()
        return rows.length
      })
    },
    close: () => pool.end(),
  }
}
