import { prepared, registerStream, type StreamRef, type Transaction } from '@countersign/event-store'
import { operatorGroup } from '../caller.ts'

/**
 * Named by every command with which operators end what an operator may do: so none of them shares a transaction with another
 * one, and of two operators who take each other out in the same moment the second one is alone.
 */
export const operatorsStream = (tenantId: string): StreamRef => registerStream(tenantId, 'group', operatorGroup)

/**
 * Whether these are all the humans who operate the tenant, so that nobody could take back what ends them; false when none of
 * them does. Asked by a command that names `operatorsStream`.
 */
export const areLastOperators = async (
  tx: Transaction,
  tenantId: string,
  leaving: readonly string[],
): Promise<boolean> => {
  const { rows } = await tx.query<{ is_leaving: boolean }>(
    prepared(
      `select distinct m.subject_id = any ($3::uuid[]) as is_leaving
       from countersign.group_member m join countersign.person p using (tenant_id, subject_id)
       where m.tenant_id = $1 and m.group_name = $2 and m.counts and p.active and p.kind = 'human'`,
      [tenantId, operatorGroup, leaving],
    ),
  )
  return rows.length > 0 && rows.every(({ is_leaving }) => is_leaving)
}
