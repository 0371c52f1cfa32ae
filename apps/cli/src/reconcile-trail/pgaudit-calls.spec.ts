import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { csvRecords } from './csv-records.ts'
import { pgauditCalls } from './pgaudit-calls.ts'
import type { TrailLine } from './trail-call.ts'

/** Written by PostgreSQL 15 with pgaudit 1.7: the same session as CSV and as text. */
const recorded = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/fixtures/pgaudit/${name}`, import.meta.url))

const read = async (path: string): Promise<TrailLine[]> => {
  const lines: TrailLine[] = []
  for await (const line of pgauditCalls(path)) lines.push(line)
  return lines
}
const callsIn = (lines: readonly TrailLine[]) => lines.flatMap((line) => ('call' in line ? [line.call] : []))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-pgaudit-'))
})
afterAll(() => rm(folder, { recursive: true }))
const written = async (text: string, name = 'postgresql.log'): Promise<TrailLine[]> => {
  await writeFile(join(folder, name), text)
  return read(join(folder, name))
}

describe('a log that PostgreSQL wrote', () => {
  it('is the statements of each user, by what they did to which table', async () => {
    const calls = callsIn(await read(recorded('session.csv')))
    expect(calls.map(({ principal, action, target }) => `${principal} ${action} ${target}`)).toEqual([
      'etl-bot data.read postgres://warehouse/public.orders',
      'etl-bot data.change postgres://warehouse/public.customers',
      'etl-bot data.change postgres://warehouse/public.customers',
      'etl-bot data.export postgres://warehouse/public.customers',
      'etl-bot data.export postgres://warehouse/public.customers',
      'etl-bot data.export postgres://warehouse',
      'etl-bot data.change postgres://warehouse/public.customers',
      'etl-bot data.change postgres://warehouse/public.orders',
      'etl-bot schema.change postgres://warehouse/public.scratch',
      'etl-bot schema.change postgres://warehouse/public.scratch',
      'etl-bot data.read postgres://warehouse/public.orders',
      'etl-bot data.read postgres://warehouse/public.orders',
      'etl-bot data.read postgres://warehouse/public.customers',
      'mallory data.change postgres://warehouse/public.customers',
      'mallory privilege.escalate postgres://warehouse',
    ])
    expect(new Date(calls[0]?.at ?? 0).toISOString()).toBe('2026-11-22T07:34:26.077Z')
  })

  it('says the same as CSV and as text, statements over several lines included', async () => {
    const [csv, text] = [await read(recorded('session.csv')), await read(recorded('session.log'))]
    const withoutPlace = (lines: readonly TrailLine[]) => callsIn(lines).map(({ place: _place, ...call }) => call)
    expect(withoutPlace(text)).toEqual(withoutPlace(csv))
    expect(text.filter((line) => 'skipped' in line)).toHaveLength(csv.filter((line) => 'skipped' in line).length)
    expect([...csv, ...text].filter((line) => 'quarantined' in line)).toEqual([])
  })

  it('leaves nothing of a statement behind', async () => {
    expect(JSON.stringify(await read(recorded('session.csv')))).not.toMatch(/insert into|quoted|line\\nbreak/)
  })
})

describe('a line that cannot be read', () => {
  const audit = 'AUDIT: SESSION,1,1,WRITE,DELETE,TABLE,public.orders,delete from orders,<none>'

  it('is told, never passed over: a prefix without user or database, a time zone that is not UTC', async () => {
    expect(await written(`2026-11-22 07:00:00.000 UTC [7] LOG:  ${audit}\n`)).toMatchObject([
      { quarantined: 'log_line_prefix' },
    ])
    expect(await written(`2026-11-22 07:00:00.000 CET [7] etl@warehouse LOG:  ${audit}\n`)).toMatchObject([
      { quarantined: 'log_timezone' },
    ])
    expect(await written('2026-11-22 07:00:00.000 UTC,"etl","warehouse",7,"open\n', 'a.csv')).toMatchObject([
      { quarantined: 'invalid_csv' },
    ])
  })

  it('is not made up by a client that sends the mark in its text', async () => {
    const begin = '2026-11-22 07:00:00.000 UTC [7] etl@warehouse'
    const forged = `${begin} ERROR:  syntax error at "${audit}"\n\t${begin} LOG:  ${audit}\n`
    expect(await written(forged)).toEqual([])
  })
})

describe('CSV', () => {
  it('keeps commas, quotes and line breaks of quoted fields, and counts lines', () => {
    expect([...csvRecords('a,"b ""c"", d\ne",\r\n,"",x\n')]).toEqual([
      { line: 1, fields: ['a', 'b "c", d\ne', ''] },
      { line: 3, fields: ['', '', 'x'] },
    ])
    expect([...csvRecords('a,"b')]).toEqual([{ line: 1, fields: undefined }])
    expect([...csvRecords('"a"b,c\n')]).toEqual([{ line: 1, fields: undefined }])
  })
})
