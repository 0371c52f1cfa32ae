import { readFile } from 'node:fs/promises'
import { csvRecords } from './csv-records.ts'
import type { TrailLine } from './trail-call.ts'

/** Beginning of a line under `log_line_prefix = '%m [%p] %q%u@%d '`: time, zone, process, user and database. */
const prefix = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) (\S+) \[(\d+)\] (?:(\S+)@(\S+) )?/
const severity = /^[A-Z]+\d?: {2}/
const auditMark = 'AUDIT: '

type Entry = {
  readonly place: string
  readonly time: string
  readonly zone: string
  readonly user: string
  readonly database: string
  /** What pgaudit wrote: SESSION,statement,substatement,class,command,type,name,statement text,parameters. */
  readonly message: string
}

/**
 * The statements of a PostgreSQL log with pgaudit's session logging, as CSV (`log_destination = csvlog`) or as text. A log
 * says what was begun, not how it ended. The table is named only with `pgaudit.log_relation = on`; without it the target is
 * the database. Statement text is looked at to tell COPY, and never kept.
 */
export async function* pgauditCalls(path: string): AsyncGenerator<TrailLine> {
  const text = (await readFile(path)).toString('utf8')
  const isCsv = /^[^\n]*,"[^\n]*",\d+,/.test(text) || path.endsWith('.csv')
  for (const entry of isCsv ? csvEntries(path, text) : textEntries(path, text)) {
    yield 'quarantined' in entry ? entry : callOf(entry)
  }
}

type Quarantined = Extract<TrailLine, { quarantined: string }>

function* csvEntries(path: string, text: string): Generator<Entry | Quarantined> {
  for (const { line, fields } of csvRecords(text)) {
    const place = `${path}:${line}`
    if (fields === undefined) yield { quarantined: 'invalid_csv', place }
    const [logTime = '', user = '', database = ''] = fields ?? []
    const message = fields?.[13] ?? ''
    if (!message.startsWith(auditMark)) continue
    const [day, hour, zone = ''] = logTime.split(' ')
    yield { place, time: `${day} ${hour}`, zone, user, database, message: message.slice(auditMark.length) }
  }
}

/** A message of several lines goes on in lines that begin with a tab. */
function* textEntries(path: string, text: string): Generator<Entry | Quarantined> {
  const lines = text.split('\n')
  for (const [index, first] of lines.entries()) {
    if (first.startsWith('\t') || !first.includes(auditMark)) continue
    const place = `${path}:${index + 1}`
    const [begin, time = '', zone = '', , user, database] = prefix.exec(first) ?? []
    const rest = first.slice(begin?.length ?? 0).replace(severity, '')
    if (begin === undefined || user === undefined || database === undefined) {
      yield { quarantined: 'log_line_prefix', place }
      continue
    }
    // Text that a client sent may hold the mark as well.
    if (!rest.startsWith(auditMark)) continue
    let message = rest.slice(auditMark.length)
    for (let next = index + 1; lines[next]?.startsWith('\t') === true; next++)
      message += `\n${lines[next]?.slice(1) ?? ''}`
    yield { place, time, zone, user, database, message }
  }
}

const callOf = ({ place, time, zone, user, database, message }: Entry): TrailLine => {
  if (zone !== 'UTC' && zone !== 'GMT') return { quarantined: 'log_timezone', place }
  const [record] = csvRecords(message)
  const [kind, , , level, command, , relation = '', statement = ''] = record?.fields ?? []
  if (kind !== 'SESSION' && kind !== 'OBJECT') return { quarantined: 'not_pgaudit', place }
  const action = actionOf(level, command, statement)
  if (action === undefined) return { skipped: level ?? 'unknown' }
  return {
    call: {
      at: Date.parse(`${time.replace(' ', 'T')}Z`),
      principal: user,
      action,
      target: `postgres://${database}${relation === '' ? '' : `/${relation}`}`,
      operation: command ?? '',
      place,
    },
  }
}

/** The action that a statement is, by the class that pgaudit gives it. */
const actionOf = (level: string | undefined, command = '', statement = ''): string | undefined => {
  switch (level) {
    case 'READ':
      return command === 'COPY' || /^\s*copy\b/i.test(statement) ? 'data.export' : 'data.read'
    case 'WRITE':
      return 'data.change'
    case 'DDL':
      return 'schema.change'
    case 'ROLE':
      return 'privilege.escalate'
    default:
      // FUNCTION, MISC: what they do to data has lines of its own.
      return undefined
  }
}
