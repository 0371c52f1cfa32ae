import { readFile } from 'node:fs/promises'
import { type StoreReport, verifyStore } from '@countersign/ledger-check'
import pg from 'pg'
import type { Context } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { readCredentials } from '../find-deployment/credentials.ts'
import { count, plural, span } from '../print/words.ts'
import { describeFinding } from './describe-finding.ts'

export type StoreOptions = {
  readonly database?: string
  readonly dataDir?: string
  readonly log?: string
  readonly checkpoint?: string
  readonly vkey?: string
  readonly json?: boolean
}

const shown = 20

/** Checks every log of a store, or one. Resolves with the exit code: the worst of them. */
export const verifyStoreOf = async (options: StoreOptions, { terminal, env }: Context): Promise<number> => {
  const connectionString = await databaseOf(options, env)
  const known = await checkpointOf(options)
  const pool = new pg.Pool({ connectionString, max: 2 })
  pool.on('error', () => undefined)
  try {
    const logs = await logsOf(pool, { log: options.log, vkey: known?.vkey })
    const reports: StoreReport[] = []
    for (const log of logs) {
      const began = performance.now()
      const report = await verifyStore({ pg: pool, log, ...(known === undefined ? {} : { knownCheckpoint: known }) })
      reports.push(report)
      if (options.json !== true) for (const line of reportLines(report, performance.now() - began)) terminal.out(line)
    }
    if (options.json === true) terminal.out(JSON.stringify(reports, null, 2))
    if (known === undefined && options.json !== true) {
      terminal.err('Held only against itself. Save a checkpoint elsewhere and give it with --checkpoint and --vkey.')
    }
    return Math.max(exitCodes.ok, ...reports.map(({ exitCode }) => exitCode))
  } finally {
    await pool.end()
  }
}

/** What a check of one log found, for people. */
export const reportLines = (report: StoreReport, ms: number): string[] => {
  const { entries, counts, findings, totalFindings, checkpointSize, invalid } = report
  const word = { ok: 'VERIFIED', diverged: 'DIVERGED', invalid: 'INVALID' }[report.verdict]
  const against = checkpointSize === undefined ? 'itself' : `your checkpoint of size ${count(checkpointSize)}`
  const more = totalFindings - Math.min(findings.length, shown)
  return [
    `${word}  log ${report.log}, ${span(ms)}`,
    ...(invalid === undefined
      ? [
          `  ${plural(entries, 'entry').replace('entrys', 'entries')} from ${plural(counts.events, 'event')}, ${plural(counts.subjects, 'subject')}, against ${against}`,
        ]
      : [`  the checkpoint cannot be trusted: ${invalid}`]),
    ...(counts.pending === 0 ? [] : [`  ${plural(counts.pending, 'event')} not in the log yet`]),
    ...findings.slice(0, shown).map((finding) => `  ${describeFinding(finding)}`),
    ...(more > 0 ? [`  and ${count(more)} more`] : []),
  ]
}

const databaseOf = async (options: StoreOptions, env: Context['env']): Promise<string> => {
  const given = options.database ?? env['COUNTERSIGN_DATABASE_URL']
  if (given !== undefined) return given
  const dataDir = options.dataDir ?? env['COUNTERSIGN_DATA_DIR'] ?? '.countersign'
  const credentials = await readCredentials(dataDir)
  if (credentials !== undefined) return credentials.store.superuserUrl
  throw new Failure('there is no store to check', {
    why: `no --database, and ${dataDir}/credentials.json does not exist`,
    next: 'Give --database with a role that sees the events of all tenants.',
  })
}

const checkpointOf = async ({
  checkpoint,
  vkey,
}: StoreOptions): Promise<{ note: string; vkey: string } | undefined> => {
  if (checkpoint === undefined) return undefined
  if (vkey === undefined) throw new Failure('a checkpoint needs --vkey, the key that its log signs with')
  const read = (path: string): Promise<string> =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Failure(`${path} cannot be read`, { why: error.code })
    })
  return {
    note: await read(checkpoint),
    vkey: (vkey.startsWith('@') ? await read(vkey.slice(1)) : vkey).trim(),
  }
}

/** The logs to check: the one that is named, the one that the checkpoint is of, or all. */
const logsOf = async (
  pool: pg.Pool,
  { log, vkey }: { log: string | undefined; vkey: string | undefined },
): Promise<string[]> => {
  const origin = vkey?.split('+', 1)[0]
  const { rows } = await pool
    .query<{ log_id: string }>(
      `select log_id from ledger.log where ($1::text is null or log_id::text = $1) and ($2::text is null or origin = $2 or starts_with(origin, $2 || '/'))
       order by created_at`,
      [log ?? null, log === undefined ? (origin ?? null) : null],
    )
    .catch((error: Error & { code?: string }) => {
      throw new Failure('the store cannot be read', { why: error.code ?? error.name, next: 'Is the database running?' })
    })
  if (rows.length > 0) return rows.map((row) => row.log_id)
  throw new Failure(log === undefined ? 'the store has no such log' : `the store has no log ${log}`, {
    exitCode: exitCodes.diverged,
  })
}
