import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** The PostgreSQL of this test run: a real server with durable settings, where the specs are superuser. */
export type TestPostgres = {
  readonly host: string
  readonly port: number
  readonly superuser: string
  readonly superuserPassword: string
}

declare module 'vitest' {
  interface ProvidedContext {
    testPostgres: TestPostgres
  }
}

/** A database of its own for one spec file. Roles belong to the whole server: name them so that specs don't collide. */
export type FreshDatabase = {
  readonly name: string
  /** Connection URL of the superuser. */
  readonly url: string
  /** Connection URL of another role that the spec created. */
  urlFor(role: string, password: string): string
  /** Superuser connections. */
  readonly pool: pg.Pool
  /** Ends the pool and drops the database, ending what is still connected to it. */
  drop(): Promise<void>
}

/** Where the server of this run listens; started once by the global setup. */
export function testPostgres(): TestPostgres {
  return inject('testPostgres')
}

/** Waits in the server until nobody is connected to the database, at most 3 s. */
const sessionsGone = (database: string): string => `do $$
begin
  for attempt in 1..60 loop
    perform pg_stat_clear_snapshot();
    exit when not exists (select from pg_stat_activity where datname = '${database}');
    perform pg_sleep(0.05);
  end loop;
end
$$`

/** Creates an empty database from `template1`. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const { host, port, superuser, superuserPassword } = testPostgres()
  const name = `spec_${randomUUID().replaceAll('-', '')}`
  const urlFor = (role: string, password: string, database = name) =>
    `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@${host}:${port}/${database}`
  const asSuperuser = async (statement: string) => {
    const client = new pg.Client({ connectionString: urlFor(superuser, superuserPassword, 'postgres') })
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }
  await asSuperuser(`CREATE DATABASE ${name} TEMPLATE template1`)
  const url = urlFor(superuser, superuserPassword)
  const pool = new pg.Pool({ connectionString: url })
  return {
    name,
    url,
    urlFor: (role, password) => urlFor(role, password),
    pool,
    drop: async () => {
      await pool.end()
      // A pool says that it has ended before its sessions have; forcing those out would be an error in a client that nobody
      // listens to any more.
      await asSuperuser(sessionsGone(name))
      await asSuperuser(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}
