import { createHmac, timingSafeEqual } from 'node:crypto'

/** A request of Slack as it came. */
export type CallbackRequest = {
  readonly signature: string | readonly string[] | undefined
  readonly timestamp: string | readonly string[] | undefined
  readonly body: Uint8Array
}

/** How far Slack's clock and ours may be apart, in both directions. */
const longestSkewMs = 300_000

const signatureForm = /^v0=[0-9a-f]{64}$/
const timestampForm = /^[1-9]\d{9}$/

/**
 * Whether Slack signed these bytes within five minutes of now: `v0=` HMAC-SHA256 over `v0:timestamp:body`
 * (docs.slack.dev, "Verifying requests from Slack"), over the raw bytes, compared in constant time. Slack's own verifier
 * takes times in the future.
 */
export const isFromSlack = (
  signingSecret: string,
  { signature, timestamp, body }: CallbackRequest,
  nowMs: number,
): boolean => {
  if (typeof signature !== 'string' || !signatureForm.test(signature)) return false
  if (typeof timestamp !== 'string' || !timestampForm.test(timestamp)) return false
  if (Math.abs(nowMs - Number(timestamp) * 1_000) > longestSkewMs) return false
  const expected = createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest()
  return timingSafeEqual(expected, Buffer.from(signature.slice(3), 'hex'))
}

/** Remembers signatures for as long as they could be replayed. */
export class SeenSignatures {
  readonly #seen = new Map<string, number>()

  /** False when the signature was there before. */
  add(signature: string, nowMs: number): boolean {
    for (const [old, until] of this.#seen) {
      // In the order in which they came, so the first that is still needed ends the search.
      if (until > nowMs) break
      this.#seen.delete(old)
    }
    if (this.#seen.has(signature)) return false
    this.#seen.set(signature, nowMs + 2 * longestSkewMs)
    return true
  }
}
