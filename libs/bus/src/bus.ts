/**
 * The bus carries records between services; it is never the truth. Drivers: postgres (one process only), kafka.
 * Every driver passes `busContract` (`@countersign/bus/contract`).
 *
 * What callers may assume of every driver:
 * - Delivery is at least once. A batch may come again, whole or as part of another batch, at any time until its
 *   progress is recorded, and after a seek. Effects must be idempotent, and so must answers: a record that was
 *   quarantined or parked the first time must be answered the same when it comes again.
 * - Records of one topic with the same key arrive in the order in which they were published, and no two of them are
 *   ever with a handler of the group at the same time. Nothing else is ordered: not topics, not keys, not redelivery
 *   against what followed.
 * - Nothing published is lost, whoever publishes at the same time, as long as the topic's retention holds it.
 *
 * What drivers MUST NOT do: skip a record because its handler threw; park because of an outage; act on a record's
 * headers (`kafka_*` reply headers above all) or drop, rename or add any; put key, value or header contents into an
 * error or an observation; read more than one batch ahead of the handler.
 */

/** A record to publish. `key` decides what it is ordered with; null is ordered with nothing. */
export interface OutboundRecord {
  /** `[a-zA-Z0-9._-]`, at most 249 characters. */
  readonly topic: string
  readonly key: string | null
  /** At most 1,000,000 bytes with key and headers; null is a value of its own (a tombstone), not an empty one. */
  readonly value: Uint8Array | null
  /** Carried untouched, `traceparent` included. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Where a record stands in its topic. Opaque: only the driver that gave it reads it. Equal positions of one topic are
 * the same record.
 */
export type Position = string

/** A record as delivered. */
export interface DeliveredRecord extends OutboundRecord {
  readonly position: Position
  /** When the bus took the record, ISO-8601 UTC. Display only: order is the position's. */
  readonly timestamp: string
}

/** Records of one topic, at least one; with kafka all of one partition. */
export interface DeliveredBatch {
  readonly topic: string
  readonly records: readonly DeliveredRecord[]
  /**
   * Aborts when another consumer of the group may have taken over (lease lost, partition revoked). What the handler
   * answers after that is ignored; its effects must be safe all the same, for the abort can come too late.
   */
  readonly signal: AbortSignal
}

/** Why a record was quarantined or parked: `[a-z][a-z0-9_]*`, at most 64 characters; anything else is published as `reason_malformed`. */
export type ReasonCode = string

/**
 * What a handler answers for one record.
 * - `done`: its effect is durable (or was already).
 * - `quarantine`: it is bad and stays bad. A quarantine record (hash, coordinates, reason, never the bytes) is
 *   published to `countersign.quarantine.v1`, then the group moves on.
 * - `park`: it is poison, and what follows it on its key would be wrong without it. It is kept, every later record of
 *   its key is kept behind it in order (whatever was answered for those in the same batch), all other keys flow. A
 *   record without key parks alone. A record of the quarantine topic is never quarantined again: it parks.
 */
export type RecordOutcome = 'done' | { readonly quarantine: ReasonCode } | { readonly park: ReasonCode }

/**
 * What a handler answers for a batch: `done` for all, or one outcome per record in the batch's order.
 * Anything else (undefined, another length) counts as a thrown error.
 */
export type BatchOutcome = 'done' | readonly RecordOutcome[]

/** Names a quarantined record to whoever seals its bytes. */
export interface QuarantineCoordinates {
  readonly topic: string
  readonly position: Position
  readonly group: string
  readonly reason: ReasonCode
}

export interface SubscribeOptions {
  /** Consumers of one group share its progress; each record reaches one of them. */
  readonly group: string
  readonly topics: readonly string[]
  /**
   * Where a group that has no progress on a topic yet begins; recorded before `subscribe` resolves. `latest` gives
   * everything published after that, and possibly a little from shortly before. Default `earliest`.
   */
  readonly from?: 'earliest' | 'latest'
  /** Records per batch, 1 to 500 (default). A batch also ends before 1,000,000 bytes, unless one record is larger. */
  readonly maxBatch?: number
  /**
   * Takes one batch. Never called again for a topic (kafka: a partition) before it settled; calls for different topics
   * may overlap. A thrown error is an outage: the whole batch comes again after a growing pause, for ever.
   */
  handle(batch: DeliveredBatch): Promise<BatchOutcome>
  /**
   * Gives up a subscription that is not there yet: `subscribe` rejects soon, whatever it waits for, and nobody in the group
   * has to wait for this member. Changes nothing once it is there.
   */
  readonly signal?: AbortSignal
  /**
   * Keeps the bytes of a quarantined record before it is announced and answers a reference to them. Only who may seal
   * gives it. A thrown error is an outage.
   */
  sealQuarantined?(bytes: Uint8Array, coordinates: QuarantineCoordinates): Promise<string>
}

/** How far a group is behind on one topic. */
export interface TopicLag {
  readonly topic: string
  /** Records published but neither settled nor parked. */
  readonly records: number
  /** Records kept by `park`, those behind the poisonous one included. */
  readonly parked: number
}

/** A key that a group stopped. `key` is null for records without one, each of which is listed by itself. */
export interface ParkedKey {
  readonly topic: string
  readonly key: string | null
  readonly reason: ReasonCode
  readonly records: number
  readonly parkedAt: string
}

/** Where a subscription goes on. */
export type SeekTarget = 'earliest' | 'latest' | { readonly position: Position }

export interface Subscription {
  /** Delivers nothing more after the batch at hand, until `resume`. The group's place is kept. */
  pause(): void
  resume(): void
  /**
   * The next batch begins with the record at the position (of its partition, with kafka), with the oldest, or with the
   * next to be published. Resolves when that is recorded, which is after the batch at hand and once this consumer is the active one;
   * rejects when the subscription stops first. Records of a parked key are parked again, in their place.
   */
  seek(topic: string, target: SeekTarget): Promise<void>
  lag(): Promise<readonly TopicLag[]>
  /** Resolves when the batch at hand is settled, however long that takes; delivers nothing more. Idempotent. */
  stop(): Promise<void>
}

export interface Bus {
  /**
   * Resolves when all the records are durable. Order is kept within a call and between calls made one after another,
   * awaited or not, as long as none rejects. Not atomic: after a rejection any of the records may be there; publish
   * all of them again. A record that no driver can carry rejects with TypeError before anything is sent.
   */
  publish(records: readonly OutboundRecord[]): Promise<void>
  /** Resolves when the group's starting point is recorded; batches may already be with `handle` by then. */
  subscribe(options: SubscribeOptions): Promise<Subscription>
  /** One entry per topic that the group has progress on, sorted by topic. */
  lag(group: string): Promise<readonly TopicLag[]>
  /** Everything that the group has parked, by topic and key, oldest first. */
  parked(group: string): Promise<readonly ParkedKey[]>
  /**
   * Lets the group's active consumer deliver the parked records of a key again, in order and before any later one.
   * Resolves with their number (0: nothing is parked there); the delivery itself follows. A record that is answered
   * `park` again stops the key again, with all that is behind it.
   */
  redrive(group: string, topic: string, key: string | null): Promise<number>
  /** Stops every subscription, sends what was queued, gives connections back. Idempotent. */
  close(): Promise<void>
}

/** What a driver tells about its work, for metrics and logs; no contents of records. */
export type BusObservation =
  | { readonly kind: 'published'; readonly records: number }
  | { readonly kind: 'fetched'; readonly group: string; readonly topic: string; readonly records: number }
  | { readonly kind: 'settled'; readonly group: string; readonly topic: string; readonly records: number }
  | {
      readonly kind: 'quarantined' | 'parked'
      readonly group: string
      readonly topic: string
      readonly reason: ReasonCode
      readonly records: number
    }
  | { readonly kind: 'outage'; readonly group: string; readonly topic: string; readonly error: unknown }
  | { readonly kind: 'ownership_lost'; readonly group: string; readonly topic: string }

/** What every driver takes. */
export interface BusHooks {
  observe?(observation: BusObservation): void
  /**
   * How often the next batch is delivered, 1 to 5; only the answer to the last delivery counts, as if the consumer had
   * died after the others. Tests and the default deployment turn duplicates on with it. Default: once.
   */
  redeliver?(): number
}

/** Limits that hold on every driver. */
export const busLimits = {
  batchRecords: 500,
  batchBytes: 1_000_000,
  recordBytes: 1_000_000,
  sendBytes: 900_000,
} as const
