import { parseWireType } from '@countersign/contracts'
import type { DeliveredRecord } from '@countersign/bus'

/** What an event record tells policy to look at. The record itself is never believed: the store is read. */
export type WakeUp =
  | { readonly kind: 'intent'; readonly tenantId: string; readonly intentId: string }
  | { readonly kind: 'policy_set'; readonly tenantId: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed' }

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Reads a CloudEvent of `countersign.events.v1`: `type`, `subject` and the extension attribute `tenantid`. */
export const readWakeUp = ({ value }: Pick<DeliveredRecord, 'value'>): WakeUp => {
  const event = parse(value)
  if (event === undefined) return { kind: 'malformed' }
  const type = typeof event['type'] === 'string' ? parseWireType(event['type']) : undefined
  if (type === undefined) return { kind: 'malformed' }
  if (type.name !== 'ActionIntentPublished' && type.name !== 'PolicySetActivated') return { kind: 'other' }
  const { subject, tenantid: tenantId } = event
  if (typeof tenantId !== 'string' || !uuid.test(tenantId)) return { kind: 'malformed' }
  if (type.name === 'PolicySetActivated') return { kind: 'policy_set', tenantId }
  return typeof subject === 'string' && uuid.test(subject)
    ? { kind: 'intent', tenantId, intentId: subject }
    : { kind: 'malformed' }
}

const parse = (value: Uint8Array | null): Record<string, unknown> | undefined => {
  try {
    const parsed: unknown =
      value === null ? undefined : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
