import { createHmac, createSecretKey } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import { macKey } from './mac-key.ts'

/**
 * Recognises the same request again (idempotency, a repeat after a deny, standing approvals) without revealing it:
 * HMAC-SHA256 under the tenant's key (at least 32 bytes) over the RFC 8785 form of the request, which the caller hands
 * over without intent id and salt.
 */
export function requestFingerprint(tenantKey: Uint8Array, request: unknown): `hmac-sha256:${string}` {
  return `hmac-sha256:${createHmac('sha256', createSecretKey(macKey(tenantKey)))
    .update(canonicalJson(request))
    .digest('hex')}`
}
