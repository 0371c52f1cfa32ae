/**
 * Admission per producer before anything is stored: a bucket that refills evenly and holds one second's worth. Only intents
 * are shed; withdraw, revoke, freeze and reports never are.
 */
export class Admission {
  readonly #perSecond: number
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Whether `producer` may publish one more at `nowMs` (a monotonic clock); takes one token when it may. */
  admits(producer: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(producer) ?? { tokens: this.#perSecond, at: nowMs }
    const tokens = Math.min(this.#perSecond, bucket.tokens + ((nowMs - bucket.at) / 1000) * this.#perSecond)
    const admitted = tokens >= 1
    this.#buckets.set(producer, { tokens: admitted ? tokens - 1 : tokens, at: nowMs })
    return admitted
  }
}
