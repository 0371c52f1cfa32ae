import { hash } from 'node:crypto'
import type { Identity } from './identity.ts'

const mostTokens = 2_000

/**
 * Remembers tokens whose signature was verified a moment ago, by digest: a client that asks many times in a second is verified
 * once. For at most `keepMs` and never past the token's own end.
 */
export class VerifiedTokens {
  readonly #keepMs: number
  readonly #known = new Map<string, { readonly identity: Identity; readonly until: number }>()

  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  find(token: string, now: number): Identity | undefined {
    const digest = hash('sha256', token, 'base64')
    const known = this.#known.get(digest)
    if (known === undefined || now < known.until) return known?.identity
    this.#known.delete(digest)
    return undefined
  }

  /** `expiresAt` in milliseconds since 1970. */
  remember(
    token: string,
    identity: Identity,
    { now, expiresAt }: { readonly now: number; readonly expiresAt: number },
  ): void {
    if (this.#known.size >= mostTokens) this.#known.clear()
    this.#known.set(hash('sha256', token, 'base64'), { identity, until: Math.min(now + this.#keepMs, expiresAt) })
  }
}
