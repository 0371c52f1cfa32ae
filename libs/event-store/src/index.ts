export { maxBatchEvents, type Appended, type StreamAppend } from './append-events.ts'
export { type Command, type CommandHandler, type Decided, type Decision } from './command.ts'
export { eventStore, type BatchOutcome, type EventStore, type EventStoreOptions } from './event-store.ts'
export { gateAge, gatedCursor, isBefore, readGated, storeStart } from './gated-cursor.ts'
export { loadStreams, type Loaded } from './load-streams.ts'
export { migrate, migrateSchema } from './migrate.ts'
export { createRoles, storeRoles, type StoreRole } from './roles.ts'
export {
  newId,
  streamKey,
  type Cursor,
  type LoadedStream,
  type StoredEvent,
  type StreamEvents,
  type StreamRef,
} from './stream.ts'
export { CommitUncertain, withTenants, type Transaction } from './transaction.ts'
