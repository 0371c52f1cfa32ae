import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { styleText } from 'node:util'

/** One thing that has to hold before a change is done, and how to mend it. */
type Step = {
  readonly name: string
  readonly command: readonly [program: string, ...args: string[]]
  /** Said when it fails. */
  readonly fix: string
}

const root = join(import.meta.dirname, '..')
const node = process.execPath

/** In the order in which they start; two run at a time. */
const steps: readonly Step[] = [
  { name: 'format', command: ['biome', 'format', '.'], fix: 'npm run format' },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'], fix: 'npx oxlint --type-aware --fix' },
  {
    name: 'declared imports',
    command: ['biome', 'lint', '.'],
    fix: 'name the dependency in the package.json of the package that imports it',
  },
  { name: 'types', command: ['tsc', '-b', '.', 'tools'], fix: 'npm run typecheck' },
  {
    name: 'generated documents',
    command: [node, 'tools/generate-contracts.ts', '--check'],
    fix: 'npm run generate',
  },
  {
    name: 'reference pages',
    command: [node, '--conditions=source', 'tools/generate-reference.ts', '--check'],
    fix: 'npm run generate:config',
  },
  {
    name: 'released schemas',
    command: [node, 'tools/check-compatibility.ts'],
    fix: 'keep what was valid valid, or add a new version beside it',
  },
  { name: 'unused', command: ['knip', '--no-progress'], fix: 'npx knip --fix, or use what it names' },
  {
    name: 'arrows and other rules of the workspace',
    command: ['vitest', 'run', '--project', 'unit', 'test/src/architecture'],
    fix: 'the rule says what to change; npx vitest run test/src/architecture',
  },
  {
    name: 'unit tests',
    command: ['vitest', 'run', '--project', 'unit', 'libs/', 'apps/'],
    fix: 'npx vitest run --project unit',
  },
]

type Outcome = { readonly code: number; readonly output: string; readonly ms: number }

/** Runs a step to its end, keeping what it prints. */
const run = ({ command: [program, ...args] }: Step): Promise<Outcome> => {
  const startedAt = performance.now()
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const child = spawn(program, args, {
    cwd: root,
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      NO_COLOR: '1',
      PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    },
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output += chunk.toString()
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const end = (code: number) => resolve({ code, output, ms: performance.now() - startedAt })
  child.once('error', (error) => {
    output += error.message
    end(1)
  })
  child.once('close', (code) => end(code ?? 1))
  return promise
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
const print = (line: string): boolean => process.stdout.write(`${line}\n`)

const report = (step: Step, { code, output, ms }: Outcome): void => {
  const ok = code === 0
  print(`${styleText(ok ? 'green' : 'red', ok ? 'ok    ' : 'FAILED')} ${step.name.padEnd(42)} ${seconds(ms)}`)
  if (ok) return
  print(output.trimEnd().replaceAll(/^/gm, '    '))
  print(`    ${styleText('bold', 'mend it:')} ${step.fix}\n`)
}

/** Takes steps off the list, in order, until none is left; answers those that failed. */
const lane = async (waiting: Step[]): Promise<Step[]> => {
  const failed: Step[] = []
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const outcome = await run(step)
    report(step, outcome)
    if (outcome.code !== 0) failed.push(step)
  }
  return failed
}

const startedAt = performance.now()
// `--static` is for those who run all tests right after.
const isStatic = process.argv.includes('--static')
const waiting = steps.filter(({ command: [program] }) => !isStatic || program !== 'vitest')
const count = waiting.length
const failed = (await Promise.all([lane(waiting), lane(waiting)])).flat()
print(`${count - failed.length} passed, ${failed.length} failed in ${seconds(performance.now() - startedAt)}`)
for (const { name, fix } of failed) print(`${name}: ${fix}`)
process.exitCode = failed.length === 0 ? 0 : 1
