/** What a consuming side is given when it opens, and for each round. */
export type ConsumerOptions = { readonly brokers: readonly string[]; readonly parkingUrl: string }
export type ConsumerRound = {
  readonly topic: string
  /** A group that nobody has used: it begins with the oldest record. */
  readonly group: string
  readonly records: number
  /** Whether each record's MAC is checked before the record is looked at. */
  readonly withMac: boolean
}
