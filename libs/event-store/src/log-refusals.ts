import type pg from 'pg'
import type { Transaction } from './transaction.ts'

/** A log as its last published checkpoint says it, and how much of that is known to be left. */
export type LostLog = {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  readonly keptSize: number
}

/** A log that the ledger does not sign. */
export type LogRefusal = {
  readonly logId: string
  readonly tenantId: string
  readonly code: string
  /** Absent when what is left does not hold either, so that the log cannot go on. */
  readonly lost: LostLog | undefined
}

/** Tells whoever decides about it that a log is not signed, until it is. The ledger's role may. */
export const noteLogRefusal = async (db: pg.Pool, { logId, tenantId, code, lost }: LogRefusal): Promise<void> => {
  await db.query('select countersign.note_log_refusal($1, $2, $3, $4, $5, $6, $7)', [
    logId,
    tenantId,
    code,
    lost?.origin ?? null,
    lost?.size ?? null,
    lost?.root ?? null,
    lost?.keptSize ?? null,
  ])
}

type Row = {
  log_id: string
  tenant_id: string
  code: string
  former_origin: string | null
  former_size: string
  former_root: Buffer
  kept_size: string
}

/** Logs of all tenants that are not signed now. Intake's role may ask. */
export const logRefusals = async (db: Transaction | pg.Pool): Promise<LogRefusal[]> => {
  const { rows } = await db.query<Row>('select * from countersign.log_refusals()')
  return rows.map((row) => ({
    logId: row.log_id,
    tenantId: row.tenant_id,
    code: row.code,
    lost:
      row.former_origin === null
        ? undefined
        : {
            origin: row.former_origin,
            size: Number(row.former_size),
            root: row.former_root,
            keptSize: Number(row.kept_size),
          },
  }))
}
