/**
 * Admission per tenant and producer before anything is stored: a bucket that refills evenly and holds one second's worth. Only intents
 * are shed; withdraw, revoke, freeze and reports never are.
 */
export class Admission {
  readonly #perSecond: number
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Whether the producer may publish one more at `nowMs` (a monotonic clock); takes one token when it may. */
  admits({ tenantId, producer }: { readonly tenantId: string; readonly producer: string }, nowMs: number): boolean {
    // Producers of two tenants may have the same name, and neither may use up what is the other's.
    const name = `${tenantId}/${producer}`
    const bucket = this.#buckets.get(name) ?? { tokens: this.#perSecond, at: nowMs }
    const tokens = Math.min(this.#perSecond, bucket.tokens + ((nowMs - bucket.at) / 1000) * this.#perSecond)
    const admitted = tokens >= 1
    this.#buckets.set(name, { tokens: admitted ? tokens - 1 : tokens, at: nowMs })
    return admitted
  }
}
