import { registerStream, type StreamRef } from '@countersign/event-store'

/** The register stream of a tenant's policy sets. */
export const policySetStream = (tenantId: string): StreamRef => registerStream(tenantId, 'policy-sets')
