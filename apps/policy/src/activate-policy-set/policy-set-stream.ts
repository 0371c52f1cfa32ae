import type { StreamRef } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'

/** The register stream of a tenant's policy sets. */
export const policySetStream = (tenantId: string): StreamRef => ({
  kind: 'register',
  streamId: nameId('policy-sets', tenantId),
  tenantId,
})
