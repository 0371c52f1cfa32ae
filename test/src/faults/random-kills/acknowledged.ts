/** What the product promised its callers while it was being killed; held against the store afterwards. */
export class Acknowledged {
  /** Intents that were answered with an id. */
  readonly intents = new Set<string>()
  /** Requests that Kafka acknowledged, by their CloudEvent id. */
  readonly requests = new Set<string>()
  /** Redemptions that got a receipt, by intent: more than one is a double effect. */
  readonly redemptions = new Map<string, Set<string>>()
  /** Verdicts that were recorded, by intent. */
  readonly verdicts = new Map<string, string>()
  /** Executions whose report was accepted, by intent. */
  readonly reports = new Set<string>()
  /** Answers that no caller may ever get: a server error that is no outage. */
  readonly defects: string[] = []
  /** Tries that got no answer or an outage; they say that something was killed at all. */
  unanswered = 0

  redeemed(intentId: string, redemptionId: string): void {
    this.redemptions.set(intentId, (this.redemptions.get(intentId) ?? new Set()).add(redemptionId))
  }
}
