export {
  busLimits,
  type BatchOutcome,
  type Bus,
  type BusHooks,
  type BusObservation,
  type DeliveredBatch,
  type DeliveredRecord,
  type OutboundRecord,
  type ParkedKey,
  type Position,
  type QuarantineCoordinates,
  type ReasonCode,
  type RecordOutcome,
  type SeekTarget,
  type SubscribeOptions,
  type Subscription,
  type TopicLag,
} from './bus.ts'
export { createKafkaBus, type KafkaBusOptions } from './kafka.ts'
export { unlessAborted } from './kafka/environment.ts'
export type { KafkaAccess } from './kafka/client.ts'
export type { ParkingClaim, ParkingLot } from './kafka/parking-lot.ts'
export { createPostgresParkingLot } from './kafka/postgres-parking-lot.ts'
export { isBusOutage, KafkaRefusal, type KafkaRefusalCode } from './kafka/refusal.ts'
export { stopIdleSpin } from './kafka/spin-patch.ts'
export { createPostgresBus, type PostgresBus, type PostgresBusOptions } from './postgres.ts'
export { migrateBus, type BusRoles } from './postgres/migrate.ts'
export type { QuarantineNotice } from './quarantine.ts'
