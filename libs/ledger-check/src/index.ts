export type { CheckpointName, Finding, NamedEvent } from './finding.ts'
export {
  digestOf,
  eventInLeaf,
  type Leaf,
  type LeafEvent,
  leafOf,
  leafOfUnparsed,
  type LoggedEvent,
  type UnparsedEvent,
} from './leaf.ts'
export { type Database, tilesIn } from './read-tile.ts'
export { type StoreReport, type Verdict, verdictCodes, verifyStore, type VerifyStoreOptions } from './verify-store.ts'
