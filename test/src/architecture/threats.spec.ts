import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'docs/reference/threats.md'), 'utf8')

type Row = { readonly id: string; readonly tests: readonly { readonly path: string; readonly title: string }[] }

/** Rows of the tables, with the tests that their last column names: a link to a file, and words of a title in it. */
const rowsOf = (text: string): Row[] =>
  text
    .split('\n')
    .filter((line) => /^\| T\d/.test(line))
    .map((line) => {
      const [id = '', , , tests = ''] = line.slice(2, -2).split(' | ')
      const named = [...tests.matchAll(/\[[^\]]+\]\(\.\.\/\.\.\/([^)]+)\): (.+?)(?=<br>|$)/g)]
      return { id, tests: named.map(([, path = '', title = '']) => ({ path, title })) }
    })

const unproven = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ id, tests }) => {
    if (tests.length === 0) return [`${id} names no test`]
    return tests.flatMap(({ path, title }) => {
      if (!existsSync(join(root, path))) return [`${id}: ${path} is not there`]
      return readFileSync(join(root, path), 'utf8').includes(title) ? [] : [`${id}: ${path} has no "${title}"`]
    })
  })

it('names a test that is there for every threat', () => {
  const rows = rowsOf(page)
  expect(rows.length).toBeGreaterThan(50)
  expect(unproven(rows)).toEqual([])
})

it('would miss a file, a title and a row without any', () => {
  const link = '[a](../../docs/reference/threats.md)'
  const bad = [
    `| T1 | a | b | ${link}: Threats<br>${link}: goneby |`,
    '| T2 | a | b | [a](../../none.ts): x |',
    '| T3 | a | b |  |',
  ]
  expect(unproven(rowsOf(bad.join('\n')))).toEqual([
    'T1: docs/reference/threats.md has no "goneby"',
    'T2: none.ts is not there',
    'T3 names no test',
  ])
})
