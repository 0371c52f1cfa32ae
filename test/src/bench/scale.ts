/** How much is measured. */
export type Scale = {
  /** Counted rounds of each comparison. */
  readonly rounds: number
  readonly seconds: number
  readonly publishers: number
  readonly reviewers: readonly number[]
  /** Intents that go through the stages. */
  readonly intents: number
  /** Rows that each side of the ledger's comparisons writes in a round. */
  readonly rowsPerRound: number
  /** Records that each consumer reads in a round. */
  readonly records: number
  readonly sendingSeconds: number
  /** Intents that go through the services on Kafka in a round. */
  readonly intentsOnKafka: number
  /** Of each round at a fixed rate. */
  readonly latencySeconds: number
  /** How long idle services are watched. */
  readonly idleSeconds: number
}

export const scales: Readonly<Record<'quick' | 'full', Scale>> = {
  quick: {
    rounds: 3,
    seconds: 4,
    publishers: 32,
    reviewers: [8],
    intents: 1_000,
    rowsPerRound: 4_096,
    records: 60_000,
    sendingSeconds: 2,
    intentsOnKafka: 300,
    latencySeconds: 6,
    idleSeconds: 10,
  },
  full: {
    rounds: 7,
    seconds: 20,
    publishers: 32,
    reviewers: [8, 32],
    intents: 10_000,
    rowsPerRound: 20_480,
    records: 120_000,
    sendingSeconds: 4,
    intentsOnKafka: 2_000,
    latencySeconds: 20,
    idleSeconds: 30,
  },
}
