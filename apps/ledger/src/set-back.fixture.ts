import type { LedgerStore } from './ledger-store.fixture.ts'

const tables = ['log', 'entry', 'tile', 'log_head', 'checkpoint', 'progress']

/** What a backup of the database has of events and ledger. */
export interface Backup {
  /** Puts the database back to it. */
  restore(): Promise<void>
}

/** Takes a backup of a store that only its own spec writes to. */
export const backupOf = async ({ superuser }: LedgerStore): Promise<Backup> => {
  const rows: [string, unknown][] = []
  for (const table of tables) {
    const read = await superuser.query(`select coalesce(json_agg(t), '[]')::text as rows from ledger.${table} t`)
    rows.push([table, read.rows[0].rows])
  }
  const events = await superuser.query(`select coalesce(max(position), 0) as position from countersign.event`)
  const position = events.rows[0].position as string
  const restore = async () => {
    const client = await superuser.connect()
    await client.query(`begin; set local session_replication_role = replica`)
    await client.query('delete from countersign.event where position > $1', [position])
    for (const [table, json] of rows) {
      await client.query(`delete from ledger.${table}`)
      await client.query(
        `insert into ledger.${table} select * from json_populate_recordset(null::ledger.${table}, $1)`,
        [json],
      )
    }
    await client.query('commit')
    client.release()
  }
  return { restore }
}
