import { DataSource, EntitySchema } from 'typeorm'
import { chunksOf, type EntryRow } from './entry-rows.ts'

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
export const openSavedRows = async (url: string, poolSize: number) => {
  const source = await new DataSource({ type: 'postgres', url, poolSize, entities: [savedEntry] }).initialize()
  const repository = source.getRepository(savedEntry)
  return {
    save: async (rows: readonly EntryRow[]): Promise<number> => {
      for (const chunk of chunksOf(rows, savedAtOnce)) await repository.save(chunk)
      return rows.length
    },
    close: () => source.destroy(),
  }
}
