import { DataSource, EntitySchema } from 'typeorm'
import { roundOf } from '../compare.ts'
import { connectedTo, poolSize } from '../opened-store.ts'
import type { OpenSide } from '../side/side.ts'
import { chunksOf, entriesFrom, type EntryRow, makeTableLikeEntry, type NewRows } from './entry-rows.ts'
import type { StoreAddress } from './store-address.ts'
import { clocksOf } from './store-address.ts'

const savedEntry = new EntitySchema<EntryRow>({
  name: 'SavedEntry',
  schema: 'bench',
  tableName: 'saved_entry',
  columns: {
    logId: { name: 'log_id', type: 'uuid', primary: true },
    index: { name: 'idx', type: 'bigint', primary: true },
    eventId: { name: 'event_id', type: 'uuid' },
    kind: { type: 'text' },
    streamId: { name: 'stream_id', type: 'uuid' },
    version: { type: 'bigint' },
    leafHash: { name: 'leaf_hash', type: 'bytea' },
    leaf: { type: 'bytea' },
  },
})

/** Rows that one `save` takes. */
export const savedAtOnce = 500

/** The same rows kept as TypeORM's documentation keeps them: `repository.save` of an array. */
export const open: OpenSide<StoreAddress, NewRows> = async (store) => {
  const pool = connectedTo(store.superuserUrl)
  await makeTableLikeEntry(pool, 'saved_entry')
  const source = new DataSource({ type: 'postgres', url: store.superuserUrl, poolSize, entities: [savedEntry] })
  const repository = (await source.initialize()).getRepository(savedEntry)
  return {
    round: async (wanted) => {
      const rows = await entriesFrom(pool, wanted)
      return roundOf(clocksOf(store), async () => {
        for (const chunk of chunksOf(rows, savedAtOnce)) await repository.save(chunk)
        return rows.length
      })
    },
    close: async () => {
      await Promise.all([source.destroy(), pool.end()])
    },
  }
}
