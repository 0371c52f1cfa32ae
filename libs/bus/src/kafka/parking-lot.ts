import type { DeliveredRecord, ParkedKey } from '../bus.ts'
import type { SetAside } from '../settle.ts'

/** The partitions of a topic that a consumer has, and the name under which it claimed them. */
export interface ParkingClaim {
  readonly group: string
  readonly topic: string
  readonly partitions: readonly number[]
  /** UUID, new for every assignment. */
  readonly holder: string
}

/**
 * Where parked records wait: Kafka only appends, so they are kept elsewhere, durably and in order. Writes are fenced:
 * they take effect only while no other consumer has claimed the partition since.
 */
export interface ParkingLot {
  /** Takes the partitions over from whoever had them; answers the keys of the topic that are stopped. */
  claim(claim: ParkingClaim): Promise<ReadonlySet<string>>
  /** Keeps the records in their place and stops their keys; false when the partition is another's now. */
  park(claim: ParkingClaim, partition: number, parked: readonly SetAside[]): Promise<boolean>
  /** Topics of the group with records that an operator wants delivered again. */
  topicsToRedrive(group: string): Promise<readonly string[]>
  /** The oldest such records of one of the claim's partitions, in order, as one batch. */
  nextRedrive(claim: ParkingClaim, maxRecords: number): Promise<readonly DeliveredRecord[]>
  /**
   * Removes what is settled, stops again what was parked again. Answers the keys that are still stopped; undefined when
   * the partition is another's now.
   */
  settleRedrive(
    claim: ParkingClaim,
    partition: number,
    outcome: { readonly settled: readonly DeliveredRecord[]; readonly parked: readonly SetAside[] },
  ): Promise<ReadonlySet<string> | undefined>
  requestRedrive(group: string, topic: string, key: string | null): Promise<number>
  list(group: string): Promise<readonly ParkedKey[]>
  /** Parked records by topic. */
  count(group: string): Promise<ReadonlyMap<string, number>>
}
