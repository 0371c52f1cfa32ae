import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { topics } from '@countersign/contracts'
import { until } from '../instance/until.ts'
import type { Running } from '../running.ts'
import type { Surface } from './search.ts'

const bytesOf = (value: unknown): Buffer => {
  if (value === null || value === undefined) return Buffer.alloc(0)
  if (Buffer.isBuffer(value)) return value
  if (value instanceof Date) return Buffer.from(value.toISOString())
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

const newline = Buffer.from('\n')

/** Every column of every table there is, the sealed ciphertexts included: they may hold a secret, but never in plain. */
export const tables = async ({ superuser }: Running): Promise<Surface[]> => {
  const { rows: names } = await superuser.query<{ table: string }>(
    `select format('%I.%I', n.nspname, c.relname) as table from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`,
  )
  const surfaces: Surface[] = []
  for (const { table } of names) {
    const { rows, fields } = await superuser.query<Record<string, unknown>>(`select * from ${table}`)
    for (const { name } of fields) {
      const column = rows.flatMap((row) => [bytesOf(row[name]), newline])
      surfaces.push({ name: `${table}.${name}`, bytes: Buffer.concat(column) })
    }
  }
  const { rows: active } = await superuser.query<{ query: string }>('select query from pg_stat_activity')
  surfaces.push({ name: 'pg_stat_activity.query', bytes: Buffer.from(active.map(({ query }) => query).join('\n')) })
  return surfaces
}

/**
 * What the SIEM gets: key, headers and value of every record of the audit topic. The tables hold it too; it is searched
 * under its own name, once every event is there.
 */
export const auditTopic = async ({ superuser }: Running): Promise<Surface[]> => {
  await until(
    async () => {
      const fed = `select coalesce(sum(fed), 0) = (select count(*) from countersign.event) as is_all from ledger.siem_progress`
      return (await superuser.query<{ is_all: boolean }>(fed)).rows[0]?.is_all
    },
    { what: `every event on ${topics.audit}` },
  )
  const { rows } = await superuser.query<{ key: string | null; value: Buffer; headers: object }>(
    'select key, value, headers from bus.log where topic = $1 order by position',
    [topics.audit],
  )
  return rows.map(({ key, value, headers }, at) => ({
    name: `${topics.audit} record ${at}`,
    bytes: Buffer.concat([bytesOf(key), newline, bytesOf(headers), newline, value]),
  }))
}

const filesBelow = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/**
 * Every file of the data folder: keys, marks, credentials and logs, and the database's own files with its write-ahead log,
 * in which a value would stay that was written once and deleted.
 */
export const files = async (running: Running): Promise<Surface[]> => {
  await running.superuser.query('checkpoint')
  const paths = await filesBelow(running.dataDir)
  const read = await Promise.all(
    paths.map(async (path) => ({ path, bytes: await readFile(path).catch(() => Buffer.alloc(0)) })),
  )
  const isDatabase = (path: string): boolean => /(^|\/)(base|global|pg_\w+)\//.test(relative(running.dataDir, path))
  return [
    ...read
      .filter(({ path }) => !isDatabase(path))
      .map(({ path, bytes }) => ({ name: relative(running.dataDir, path), bytes })),
    ...read
      .filter(({ path }) => isDatabase(path))
      .map(({ path, bytes }) => ({ name: `database file ${relative(running.dataDir, path)}`, bytes })),
  ]
}

/** What people and machines get over HTTP who may read, but not the sealed originals. */
export const reads = async (running: Running, intentIds: readonly string[], reviewIds: readonly string[]) => {
  const { ben, dana, agent } = running.tokens
  const surfaces: Surface[] = []
  const read = async (path: string, token?: string): Promise<string> => {
    const answer = await running.call(path, token === undefined ? {} : { token })
    const headers = JSON.stringify([...answer.headers])
    surfaces.push({ name: `GET ${path}`, bytes: Buffer.from(`${headers}\n${answer.text}`) })
    return answer.text
  }
  for (const path of ['/healthz', '/readyz', '/.well-known/countersign', '/.well-known/jwks.json']) await read(path)
  for (const path of ['/v1/reviews', '/v1/audit?limit=2000', '/v1/policy-sets/active']) await read(path, ben)
  const { logs } = JSON.parse(await read('/v1/ledger/logs', ben)) as { logs: { log: string; size: number }[] }
  for (const { log, size } of logs) {
    await read(`/v1/ledger/${log}/checkpoint`)
    for (let bundle = 0; bundle * 256 < size; bundle += 1) {
      const width = Math.min(256, size - bundle * 256)
      const path = `/v1/ledger/${log}/tile/entries/${String(bundle).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`
      await read(path, ben)
    }
  }
  await read('/v1/lineage/agent/etl-bot', ben)
  for (const intentId of intentIds) {
    await read(`/v1/intents/${intentId}`, agent)
    await read(`/v1/intents/${intentId}/story`, dana)
    await read(`/v1/lineage/intent/${intentId}`, ben)
  }
  for (const reviewId of reviewIds) await read(`/v1/reviews/${reviewId}`, ben)
  return surfaces
}

/** Everything that Slack holds: each message with its history, and the page as each person sees it. */
export const slack = async (running: Running): Promise<Surface[]> => {
  const pages = await Promise.all(
    Object.values(running.credentials.people).map(async ({ slackUser }) => ({
      name: `Slack as ${slackUser} sees it`,
      bytes: Buffer.from(await (await fetch(`${running.credentials.slackUrl}/?user=${slackUser}`)).text()),
    })),
  )
  return [{ name: 'Slack messages', bytes: Buffer.from(JSON.stringify(await running.slack.messages())) }, ...pages]
}
