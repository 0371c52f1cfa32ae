/** How patient a consumer is. */
export interface ConsumerTiming {
  readonly sessionMs: number
  readonly heartbeatMs: number
  readonly rebalanceMs: number
  /** Longest wait of a fetch for the first record. */
  readonly maxWaitMs: number
  readonly commitMs: number
  /** How often is looked for records to redrive. */
  readonly pollMs: number
  /** Silence after which the consumer counts as dead. */
  readonly silenceMs: number
  /** How long leaving the group may take. */
  readonly leaveMs: number
  readonly backoffMs: (attempt: number) => number
}
