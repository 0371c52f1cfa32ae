import { refuse, type FreezeScope, type Refusal } from '@countersign/contracts'
import {
  agentsByName,
  producersByName,
  registerStream,
  type StreamRef,
  type Transaction,
} from '@countersign/event-store'

export const freezeStream = (tenantId: string, freezeId: string): StreamRef =>
  registerStream(tenantId, 'freeze', freezeId)

/** The name that a scope is about; null for a whole tenant or deployment. */
export const valueOf = (scope: FreezeScope): string | null => {
  switch (scope.kind) {
    case 'all':
    case 'tenant':
      return null
    case 'producer':
      return scope.producer
    case 'agent':
      return scope.agent
    case 'action':
      return scope.action
    case 'environment':
      return scope.environment
    default:
      return scope satisfies never
  }
}

/** The scope of a freeze as its row keeps it. */
export const scopeOf = (kind: FreezeScope['kind'], value: string | null): FreezeScope =>
  (value === null ? { kind } : { kind, [kind]: value }) as FreezeScope

/** An agent or producer that is not registered: whoever freezes it has mistyped, and would believe that it stands still. */
export const unknownIn = async (
  tx: Transaction,
  tenantId: string,
  scope: FreezeScope,
): Promise<Refusal | undefined> => {
  if (scope.kind !== 'agent' && scope.kind !== 'producer') return undefined
  const named = [{ tenantId, name: valueOf(scope) ?? '' }]
  const found = await (scope.kind === 'agent' ? agentsByName(tx, named) : producersByName(tx, named))
  return found.length > 0 ? undefined : refuse('not_found', { pointer: `/scope/${scope.kind}` })
}

/** The freeze that is in force for exactly this scope by the same, if there is one. */
export const sameFreeze = async (
  tx: Transaction,
  tenantId: string,
  { scope, by }: { readonly scope: FreezeScope; readonly by: string },
): Promise<string | undefined> => {
  const { rows } = await tx.query<{ freeze_id: string }>(
    `select freeze_id from countersign.freeze where tenant_id = $1 and active and scope_kind = $2
       and scope_value is not distinct from $3 and frozen_by = $4 order by frozen_at limit 1`,
    [tenantId, scope.kind, valueOf(scope), by],
  )
  return rows[0]?.freeze_id
}

/** Puts a freeze in force, in the transaction of its event. */
export const writeFreeze = async (
  tx: Transaction,
  tenantId: string,
  freeze: { readonly freezeId: string; readonly scope: FreezeScope; readonly by: string; readonly reason?: string },
): Promise<void> => {
  const { freezeId, scope, by, reason } = freeze
  await tx.query(
    `insert into countersign.freeze (tenant_id, freeze_id, scope_kind, scope_value, frozen_by, reason)
     values ($1, $2, $3, $4, $5, $6)`,
    [tenantId, freezeId, scope.kind, valueOf(scope), by, reason ?? null],
  )
}

/** Ends a freeze, in the transaction of its event. */
export const endFreeze = async (
  tx: Transaction,
  tenantId: string,
  { freezeId, by, reason }: { readonly freezeId: string; readonly by: string; readonly reason?: string },
): Promise<void> => {
  await tx.query(
    `update countersign.freeze set active = false, unfrozen_by = $3, unfrozen_at = clock_timestamp(), unfreeze_reason = $4
     where tenant_id = $1 and freeze_id = $2`,
    [tenantId, freezeId, by, reason ?? null],
  )
}
