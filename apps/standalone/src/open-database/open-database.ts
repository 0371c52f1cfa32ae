import { startEmbeddedPostgres } from '@countersign/embedded-postgres'
import pg from 'pg'
import { superuserUrlOf } from '../prepare-store/prepare-store.ts'
import { sessionsEnded } from '../prepare-store/sessions-ended.ts'
import { type Starting, wasStarted } from '../run-instance.ts'

export type Database = { readonly superuserUrl: string; readonly broken: readonly Promise<string>[] }

/** Starts a PostgreSQL that belongs to this instance; it stops once no session of ours is left. */
export const startOwnDatabase = async ({ dataDir, print, closers }: Starting): Promise<Database> => {
  const server = await print.step(
    wasStarted(dataDir) ? 'start PostgreSQL' : 'create PostgreSQL',
    () => startEmbeddedPostgres({ dataDir: dataDir.postgres }),
    ({ version, port }) => `${version} on 127.0.0.1:${port}`,
  )
  const superuserUrl = superuserUrlOf(server)
  closers.push(async () => {
    await sessionsEnded(superuserUrl).catch(() => undefined)
    await server.stop()
  })
  const broken = server.exited.then(() => 'PostgreSQL has ended by itself; see its log in the data folder')
  return { superuserUrl, broken: [broken] }
}

const facts = async (url: string): Promise<{ version: string; isSuperuser: boolean }> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ version: string; isSuperuser: boolean }>(
      `select current_setting('server_version') as version, rolsuper as "isSuperuser" from pg_roles where rolname = current_user`,
    )
    return rows[0] ?? { version: '', isSuperuser: false }
  } finally {
    await client.end()
  }
}

const reachable = async (url: URL): Promise<string> => {
  const maintenance = new URL(url)
  maintenance.pathname = '/postgres'
  const found = await facts(maintenance.href).catch((error: unknown) => {
    const { code = 'no answer' } = error as { code?: string }
    throw new Error(`PostgreSQL at ${url.host} cannot be used (${code}); check DATABASE_URL`)
  })
  if (!found.isSuperuser) {
    throw new Error(
      `DATABASE_URL has to be a superuser's, ${decodeURIComponent(url.username)} is none: each service gets a role of its own there`,
    )
  }
  return found.version
}

/** The PostgreSQL of the URL, a superuser's; its database is `countersign` unless the URL names another. */
export const openDatabase = async (databaseUrl: string, { print }: Starting): Promise<Database> => {
  if (!URL.canParse(databaseUrl)) throw new Error('DATABASE_URL is not a URL')
  const url = new URL(databaseUrl)
  if (url.pathname.length < 2) url.pathname = '/countersign'
  await print.step(
    'reach PostgreSQL',
    () => reachable(url),
    (version) => `${version} at ${url.host}${url.pathname}`,
  )
  return { superuserUrl: url.href, broken: [] }
}
