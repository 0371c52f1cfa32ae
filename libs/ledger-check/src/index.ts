export { type Continuation, continuationIn, fateOf, isOriginFrom, provenContinuation } from './continuation.ts'
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
export { type ContinuationEntry, readContinuations } from './read-continuations.ts'
export { type Database, tilesIn } from './read-tile.ts'
export { type StoreReport, type Verdict, verdictCodes, verifyStore, type VerifyStoreOptions } from './verify-store.ts'
