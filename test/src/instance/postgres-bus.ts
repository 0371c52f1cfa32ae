import type pg from 'pg'
import type { Bus } from './bus.ts'

/** The embedded bus, which lives in the schema `bus` of the store. */
export const postgresBus = (superuser: () => pg.Pool): Bus => {
  const numberOf = async (query: string, values: unknown[] = []): Promise<number> =>
    Number((await superuser().query<{ n: string }>(query, values)).rows[0]?.n)
  const run = async (statement: string): Promise<void> => {
    await superuser().query(statement)
  }
  return {
    stop: () => run('alter schema bus rename to bus_stopped'),
    start: () => run('alter schema bus_stopped rename to bus'),
    behind: () =>
      numberOf(
        `select count(*) as n from bus.progress p join bus.log l using (topic) where (l.xid, l.position) > (p.xid, p.position)`,
      ),
    rewind: () => run(`update bus.progress set xid = '0', position = 0, holder = null, lease_until = null`),
    count: (topic) => numberOf('select count(*) as n from bus.log where topic = $1', [topic]),
    holding: (text) =>
      numberOf(`select count(*) as n from bus.log where position(convert_to($1, 'UTF8') in value) > 0`, [text]),
  }
}
