import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { judgeTests, type Judgement, type TestResult } from './judge-tests.ts'
import type { Claim } from './read-claims.ts'
import { runProcess } from './run-process.ts'
import { specRuns, specSelection, type SpecRun, type SpecSelection } from './spec-selection.ts'

export type Outcome = 'PROVEN' | 'FAILED' | 'NOT YET'
export type Proof = Claim & { readonly outcome: Outcome; readonly reason?: string }

export type ProveOptions = {
  /** Root of the repository. */
  readonly root: string
  /** How long each run may take, ms. */
  readonly limitMs: number
  /** Told what is about to run. */
  readonly say: (what: string) => void
  /** What Vitest reported (`--reporter=json`) of a run of all tests of these sources; the tests are then not run again. */
  readonly report?: string
}

type JsonReport = {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

const readReport = (report: string, root: string): TestResult[] => {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as JsonReport
  return testResults.flatMap(({ name, assertionResults }) => {
    const file = relative(root, name)
    return assertionResults.map(({ fullName, status }) => ({ file, name: fullName, status }))
  })
}

/** One run of Vitest; what it did not get to is missing in the answer, so nothing is taken for proven. */
const runSpecs = async (run: SpecRun, { root, limitMs }: ProveOptions): Promise<TestResult[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-claims-'))
  const report = join(folder, 'report.json')
  try {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const names = run.pattern === undefined ? [] : ['-t', run.pattern]
    const args = [vitest, 'run', ...run.files, ...names, '--reporter=json', `--outputFile=${report}`]
    await runProcess(process.execPath, args, { cwd: root, limitMs, shell: false })
    return existsSync(report) ? readReport(report, root) : []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const runCommand = async (command: string, { root, limitMs }: ProveOptions): Promise<Judgement> => {
  const { code, tail } = await runProcess(command, [], { cwd: root, limitMs, shell: true })
  if (code === 0) return { proven: true }
  const why = code === undefined ? `not done after ${limitMs / 1_000} s` : `exit code ${code}`
  return { proven: false, reason: tail === '' ? why : `${why}: ${tail.split('\n').at(-1) ?? ''}` }
}

const resultsOf = async (selections: readonly SpecSelection[], options: ProveOptions): Promise<TestResult[]> => {
  if (options.report !== undefined) return readReport(options.report, options.root)
  const results: TestResult[] = []
  for (const run of specRuns(selections)) {
    options.say(`${run.pattern === undefined ? '' : 'single tests of '}${run.files.length} spec files`)
    results.push(...(await runSpecs(run, options)))
  }
  return results
}

/**
 * Runs what the claims name and judges each by it. Equal commands run once, and tests are run together, each once; a row's
 * own command does the same when pasted alone.
 */
export const proveClaims = async (claims: readonly Claim[], options: ProveOptions): Promise<Proof[]> => {
  const commands = new Set(claims.flatMap(({ command }) => command ?? []))
  const selections = new Map([...commands].map((command) => [command, specSelection(command)]))
  const judged = new Map<string, Judgement>()

  const results = await resultsOf(
    [...selections.values()].flatMap((selection) => selection ?? []),
    options,
  )
  for (const [command, selection] of selections) {
    if (selection !== undefined) {
      judged.set(command, judgeTests(selection, results))
      continue
    }
    options.say(command)
    judged.set(command, await runCommand(command, options))
  }

  return claims.map((claim): Proof => {
    const judgement = claim.command === undefined ? undefined : judged.get(claim.command)
    if (judgement === undefined) return { ...claim, outcome: 'NOT YET' }
    return judgement.proven
      ? { ...claim, outcome: 'PROVEN' }
      : { ...claim, outcome: 'FAILED', reason: judgement.reason }
  })
}
