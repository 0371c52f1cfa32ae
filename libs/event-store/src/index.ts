export { maxBatchEvents, type Appended, type StreamAppend } from './append-events.ts'
export { allEnded, askedTogether, writtenTogether } from './asked-together.ts'
export { GatheredAsks, gatheredLoads, gatheredOnPool, restAfter } from './gathered-asks.ts'
export {
  bootCheck,
  bootProblems,
  maxClockSkewMs,
  readBootFacts,
  type BootFacts,
  type BootProblem,
} from './boot-check.ts'
export { type Command, type CommandHandler, type Decided, type Decision } from './command.ts'
export { createDeploymentKeyFile, deploymentKeyFromFile, type DeploymentKey } from './deployment-key.ts'
export { eventStore, type BatchOutcome, type EventStore, type EventStoreOptions } from './event-store.ts'
export { isBefore, storeStart } from './cursor-order.ts'
export { eventAt, isGateShut, gateAge, gatedCursor, readGated } from './gated-cursor.ts'
export {
  findIdempotencyKeys,
  idempotencyKeyName,
  reserveIdempotencyKeys,
  type IdempotencyKey,
  type KeyedRequest,
} from './idempotency-keys.ts'
export { ensurePartitions, notePublished, openIncarnation } from './incarnation.ts'
export {
  keyring,
  maxSealedBytes,
  StaleKey,
  type Keyring,
  type OpenedPayload,
  type ReadPayloads,
  type SealedRef,
} from './keyring.ts'
export type { PayloadToSeal, SealedBatch, StreamOfTenant } from './sealed-rows.ts'
export { addLimitUses, type LimitedAgent, limitedAgentName, readLimitUses, type TakenInWindow } from './limit-uses.ts'
export { loadStreams, type Loaded } from './load-streams.ts'
export { MarkInvalid, markFolder, rowDigest, type MarkFolder, type StoreMark } from './mark-folder.ts'
export { migrate, migrateSchema } from './migrate.ts'
export {
  countRefusals,
  recordedRefusals,
  refusalsLeft,
  type RefusalCount,
  type RefusalSource,
} from './refusal-counts.ts'
export {
  noteReview,
  openChangesSql,
  accountRefusal,
  reviewerRefusal,
  unreviewedChanges,
  type EntryRef,
  type ReviewedRegister,
  type UnreviewedChange,
} from './register-changes.ts'
export {
  accountById,
  accountsByUser,
  accountsOfPeople,
  activeFreezes,
  activePolicySets,
  agentsByClient,
  agentsByName,
  allTenants,
  groupsByName,
  groupsOfPeople,
  holdActivePolicySets,
  membersOfGroups,
  peopleById,
  producersByName,
  type AccountEntry,
  type ActivePolicySet,
  type AgentEntry,
  type ChangeRecord,
  type FreezeEntry,
  type GroupEntry,
  type MembershipEntry,
  type PersonEntry,
  type ProducerEntry,
} from './registers.ts'
export { logRefusals, noteLogRefusal, type LogRefusal, type LostLog } from './log-refusals.ts'
export { createRoles, storeRoles, type StoreRole } from './roles.ts'
export { StoreNotAdopted, type StoreDoubt, type StoreStanding } from './store-doubt.ts'
export {
  findStore,
  readStoreExtent,
  readStoreStanding,
  storeGuard,
  type StoreExtent,
  type StoreFindings,
  type StoreGuard,
} from './store-guard.ts'
export type { AppendedStreams } from './appended-streams.ts'
export { listenStore, notifyStore, type StoreListener, type StoreNotifier } from './store-notifications.ts'
export {
  attemptsStream,
  intentStream,
  newId,
  registerStream,
  streamKey,
  type Cursor,
  type LoadedStream,
  type StoredEvent,
  type StreamEvents,
  type StreamRef,
} from './stream.ts'
export {
  eraseSubjects,
  resolveSubjects,
  subjectsById,
  writeSubjects,
  type Subject,
  type TenantIdentity,
} from './subjects.ts'
export { checkOut, CommitUncertain, isOutage, sentTogether, withTenants, type Transaction } from './transaction.ts'
export {
  isProgramsClient,
  isDirectoryFed,
  readFrozen,
  readStanding,
  type RegisterStanding,
  type StandingQuestion,
} from './directory.ts'
export { oneAtATime } from './one-at-a-time.ts'
export { personOf, isPersonElsewhere, tenantsOfLogin, type DirectoryPerson } from './directory-person.ts'
export { type DeploymentOperators, operatesDeployment, operatorsTenant } from './deployment-operators.ts'
export { prepared } from './prepared.ts'
export { storePool, type StorePoolOptions } from './store-pool.ts'
