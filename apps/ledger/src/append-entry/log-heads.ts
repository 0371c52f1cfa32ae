import { randomUUID } from 'node:crypto'
import type { ClientBase } from 'pg'

/** A log with its head. */
export interface LogHead {
  readonly logId: string
  readonly tenantId: string
  readonly size: number
  readonly frontier: Buffer
}

interface LogHeadRow {
  log_id: string
  tenant_id: string
  size: string
  frontier: Buffer
}

/**
 * Heads of the tenants' logs by tenant; a tenant without one gets an empty log. Its id is random and so is its origin
 * `<host>/log/<id>`: witnesses see origins, and a tenant's name is none of their business.
 */
export const readHeads = async (
  client: ClientBase,
  tenantIds: readonly string[],
  originHost: string,
): Promise<Map<string, LogHead>> => {
  const heads = await selectHeads(client, tenantIds)
  const missing = tenantIds.filter((tenantId) => !heads.has(tenantId))
  if (missing.length === 0) return heads
  for (const tenantId of missing) {
    const logId = randomUUID()
    await client.query('insert into ledger.log (log_id, tenant_id, origin) values ($1, $2, $3)', [
      logId,
      tenantId,
      `${originHost}/log/${logId}`,
    ])
    await client.query(`insert into ledger.log_head (log_id, size, frontier) values ($1, 0, '')`, [logId])
  }
  return selectHeads(client, tenantIds)
}

const selectHeads = async (client: ClientBase, tenantIds: readonly string[]): Promise<Map<string, LogHead>> => {
  const { rows } = await client.query<LogHeadRow>({
    name: 'ledger_read_heads',
    text: `
      select log_id, l.tenant_id, h.size, h.frontier
      from ledger.log l join ledger.log_head h using (log_id)
      where l.tenant_id = any ($1::uuid[]) order by log_id`,
    values: [tenantIds],
  })
  return new Map(
    rows.map((row) => [
      row.tenant_id,
      { logId: row.log_id, tenantId: row.tenant_id, size: Number(row.size), frontier: row.frontier },
    ]),
  )
}
