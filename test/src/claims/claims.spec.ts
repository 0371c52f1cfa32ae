import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { judgeTests, type TestResult } from './judge-tests.ts'
import { proveClaims } from './prove-claims.ts'
import { readClaims } from './read-claims.ts'
import { specRuns, specSelection } from './spec-selection.ts'

const root = join(import.meta.dirname, '../../..')
const table = (...rows: string[]): string => ['| # | claim | proof |', '|---|---|---|', ...rows].join('\n')

describe('the table of claims', () => {
  it('has all 80 claims, and every command in it can be read', () => {
    const claims = readClaims(readFileSync(join(root, 'docs/claims.md'), 'utf8'))
    expect(claims).toHaveLength(80)
    for (const { command } of claims) if (command !== undefined) specSelection(command)
  })
  it('keeps a bar that is written as in any table', () =>
    expect(readClaims(table('| 1 | one | `npx vitest run a.spec.ts -t "x\\|y"` |'))).toEqual([
      { number: 1, claim: 'one', command: 'npx vitest run a.spec.ts -t "x|y"' },
    ]))
  it.each([
    ['a row that is missing', table('| 1 | one | |', '| 3 | three | |'), 'claim 2 is missing'],
    ['a row that is there twice', table('| 1 | one | |', '| 1 | one | |'), 'claim 2 is missing'],
    ['a proof that is words', table('| 1 | one | see the code |'), 'one command in backticks'],
  ])('does not hide %s', (_what, markdown, message) => expect(() => readClaims(markdown)).toThrow(message))
})

describe('selected tests', () => {
  const results: TestResult[] = [
    { file: 'a.spec.ts', name: 'a door opens', status: 'passed' },
    { file: 'a.spec.ts', name: 'a door closes', status: 'failed' },
    { file: 'b.spec.ts', name: 'a window opens', status: 'skipped' },
  ]
  it('prove what they say when all of them passed', () =>
    expect(judgeTests({ files: ['a.spec.ts'], pattern: 'opens' }, results)).toEqual({ proven: true }))
  it.each([
    ['one failed', ['a.spec.ts'], undefined, 'failed: a.spec.ts: a door closes'],
    ['one was skipped', ['a.spec.ts', 'b.spec.ts'], 'opens', 'skipped: b.spec.ts: a window opens'],
    ['the name matches nothing', ['a.spec.ts'], 'sings', 'a.spec.ts has no such test'],
    ['the file has no results', ['c.spec.ts'], undefined, 'c.spec.ts has no such test'],
  ])('prove nothing when %s', (_what, files, pattern, reason) =>
    expect(judgeTests({ files, ...(pattern === undefined ? {} : { pattern }) }, results)).toEqual({
      proven: false,
      reason: expect.stringContaining(reason) as string,
    }),
  )
  it('are run together, each file once', () =>
    expect(
      specRuns([
        { files: ['a.spec.ts'] },
        { files: ['a.spec.ts'], pattern: 'opens' },
        { files: ['b.spec.ts'], pattern: 'opens' },
        { files: ['b.spec.ts', 'c.spec.ts'], pattern: 'closes' },
      ]),
    ).toEqual([{ files: ['a.spec.ts'] }, { files: ['b.spec.ts', 'c.spec.ts'], pattern: '(opens)|(closes)' }]))
  it.each(['npx vitest run', 'npx vitest run a.spec.ts --passWithNoTests', 'npx vitest run a.spec.ts -t x'])(
    'are not taken from %j, which could run none',
    (command) => expect(() => specSelection(command)).toThrow('not of the form'),
  )
})

describe('a command', () => {
  const ledger = join(mkdtempSync(join(tmpdir(), 'countersign-claims-spec-')), 'runs')
  const append = `node -e "require('node:fs').appendFileSync(process.argv[1], 'x')" ${ledger}`
  const prove = (limitMs: number, ...commands: (string | undefined)[]) =>
    proveClaims(
      commands.map((command, index) => ({
        number: index + 1,
        claim: 'c',
        ...(command === undefined ? {} : { command }),
      })),
      { root, limitMs, say: () => undefined },
    )

  it('proves by exit code 0, fails by any other, and none is not yet', async () => {
    const proofs = await prove(20_000, 'node -e ""', 'node -e "console.error(7); process.exit(3)"', undefined)
    expect(proofs.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['PROVEN', undefined],
      ['FAILED', 'exit code 3: 7'],
      ['NOT YET', undefined],
    ])
  })
  it('is run once for all its rows', async () => {
    writeFileSync(ledger, '')
    const proofs = await prove(20_000, append, append)
    expect(proofs.map(({ outcome }) => outcome)).toEqual(['PROVEN', 'PROVEN'])
    expect(readFileSync(ledger, 'utf8')).toBe('x')
  })
  it('fails when its time is over, with everything it started', async () => {
    const [proof] = await prove(300, 'node -e "setInterval(() => undefined, 1000)"')
    expect(proof).toMatchObject({ outcome: 'FAILED', reason: 'not done after 0.3 s' })
  })
})

describe('a report of all tests', () => {
  it('is judged instead of a run, and what is not in it proves nothing', async () => {
    const report = join(mkdtempSync(join(tmpdir(), 'countersign-claims-spec-')), 'report.json')
    const assertionResults = [{ fullName: 'a grant is used once', status: 'passed' }]
    writeFileSync(report, JSON.stringify({ testResults: [{ name: join(root, 'libs/a.spec.ts'), assertionResults }] }))
    const claims = ['libs/a.spec.ts -t "used once"', 'libs/a.spec.ts -t "used twice"', 'libs/b.spec.ts'].map(
      (selected, index) => ({ number: index + 1, claim: 'c', command: `npx vitest run ${selected}` }),
    )
    const proofs = await proveClaims(claims, { root, limitMs: 1_000, say: () => undefined, report })
    expect(proofs.map(({ outcome }) => outcome)).toEqual(['PROVEN', 'FAILED', 'FAILED'])
  })
})
