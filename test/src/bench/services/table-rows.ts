import type pg from 'pg'

/** Rows that the product wrote to one table, every column as text. */
export type TableRows = {
  readonly table: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** Column by column. */
  readonly values: readonly (readonly (string | null)[])[]
  readonly count: number
}

type Table = { readonly name: string; readonly schema: string; readonly columns: TableRows['columns'] }

const tablesOf = async (pool: pg.Pool): Promise<readonly Table[]> => {
  const { rows } = await pool.query<Table>(`
    select c.relname as name, n.nspname as schema, columns.list as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
      select jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum) as list
      from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    ) as columns
    where c.relkind in ('r', 'p') and not c.relispartition and columns.list is not null
      and n.nspname not in ('pg_catalog', 'information_schema', 'bench') and n.nspname not like 'pg\\_%'
    order by 2, 1`)
  return rows
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** What the next transaction will be called: everything that is written from here on has this number or a higher one. */
export const markWrites = async (pool: pg.Pool): Promise<string> => {
  const { rows } = await pool.query<{ xid: string }>('select pg_current_xact_id()::text as xid')
  return rows[0]?.xid ?? '0'
}

/**
 * All rows in all tables of the product that were written since a mark and are still there, and an empty table like each
 * of theirs, indexes and checks included, in schema `bench`.
 */
export const rowsSince = async (pool: pg.Pool, mark: string): Promise<TableRows[]> => {
  await pool.query('drop schema if exists bench cascade; create schema bench')
  const written: TableRows[] = []
  for (const { name, schema, columns } of await tablesOf(pool)) {
    const source = `${quoted(schema)}.${quoted(name)}`
    const { rows } = await pool.query<(string | null)[]>({
      text: `select ${columns.map((column) => `${quoted(column.name)}::text`).join(', ')} from ${source}
        where xmin::text::bigint >= $1::bigint`,
      values: [mark],
      rowMode: 'array',
    })
    if (rows.length === 0) continue
    const table = `bench.${quoted(`${schema}.${name}`)}`
    await pool.query(`create table ${table} (like ${source} including all)`)
    const values = columns.map((_, at) => rows.map((row) => row[at] ?? null))
    written.push({ table, columns, values, count: rows.length })
  }
  return written
}

/** Inserts a share of the rows, one statement by `unnest` for each table. */
export const insertShare = async (
  client: pg.ClientBase,
  tables: readonly TableRows[],
  from: number,
  to: number,
): Promise<void> => {
  for (const { table, columns, values, count } of tables) {
    const [first, end] = [Math.floor(from * count), Math.floor(to * count)]
    if (first === end) continue
    const names = columns.map(({ name }) => quoted(name))
    await client.query({
      name: `insert into ${table}`.slice(0, 60),
      text: `insert into ${table} (${names.join(', ')}) overriding system value
        select ${columns.map(({ type }, at) => `c${at}::${type}`).join(', ')}
        from unnest(${columns.map((_, at) => `$${at + 1}::text[]`).join(', ')}) as u(${columns.map((_, at) => `c${at}`).join(', ')})`,
      values: values.map((column) => column.slice(first, end)),
    })
  }
}

export const emptyTables = async (pool: pg.Pool, tables: readonly TableRows[]): Promise<void> => {
  await pool.query(`truncate ${tables.map(({ table }) => table).join(', ')}`)
}
