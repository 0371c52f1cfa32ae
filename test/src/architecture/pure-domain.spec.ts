import { expect, it } from 'vitest'
import { packages, production, withoutComments, type Problem, type Source } from './workspace.ts'

/** Pure parts of Node that domain libraries may use, by module: hashes, signatures and byte checks have no state. */
const pureImports: Readonly<Record<string, ReadonlySet<string>>> = {
  'node:crypto': new Set(
    'hash createHash createHmac createSecretKey timingSafeEqual createPublicKey KeyObject sign verify'.split(' '),
  ),
  'node:buffer': new Set(['isUtf8']),
}
/** Files with a reason of their own. */
const excepted: Readonly<Record<string, string>> = {
  'libs/policy-engine/src/cedar.ts': 'loads the WebAssembly module of Cedar, which comes as CommonJS',
}

const impure: readonly [pattern: RegExp, what: string][] = [
  [/\bDate\.now\b/, 'reads the clock'],
  [/\bnew Date\(\s*\)/, 'reads the clock'],
  [/\bperformance\b/, 'reads the clock'],
  [/\bset(Timeout|Interval|Immediate)\b/, 'waits'],
  [/\bMath\.random\b/, 'is random'],
  [/\brandom(UUID|Bytes|Int)\b|\bgetRandomValues\b/, 'is random'],
  [/\bprocess\./, 'reads the process'],
  [/\bfetch\(/, 'calls out'],
  [/\bconsole\./, 'prints'],
]

const nodeImports = /import\s+(?:type\s+)?(?:\{([^}]*)\}|(\S+))\s+from\s+'(node:[^']+)'/g

const problemsOf = (sources: readonly Source[]): Problem[] =>
  sources.flatMap(({ path, text }) => {
    if (excepted[path] !== undefined) return []
    const code = withoutComments(text)
    return [
      ...impure.filter(([pattern]) => pattern.test(code)).map(([, what]) => `${path} ${what}`),
      ...[...code.matchAll(nodeImports)].flatMap(([, named, whole, module = '']) =>
        (named ?? whole ?? '')
          .split(',')
          .map((name) => name.trim().replace(/^type /, ''))
          .filter((name) => name !== '' && pureImports[module]?.has(name) !== true)
          .map((name) => `${path} imports ${name} from ${module}`),
      ),
    ]
  })

const domain = (): Source[] => {
  const folders = packages()
    .filter(({ tags }) => tags.includes('type:domain'))
    .map(({ folder }) => folder)
  return production().filter(({ path }) => folders.some((folder) => path.startsWith(`${folder}/`)))
}

it('keeps clock, ids, randomness and I/O out of the domain', () => {
  expect(domain().length).toBeGreaterThan(30)
  expect(problemsOf(domain())).toEqual([])
})

it.each([
  'const now = Date.now()',
  'const now = new Date()',
  'const id = crypto.randomUUID()',
  'const luck = Math.random()',
  'const mode = process.env.MODE',
  "import { readFileSync } from 'node:fs'",
  "import { hash, randomBytes } from 'node:crypto'",
  "import fs from 'node:fs'",
])('would find %s', (text) => {
  expect(problemsOf([{ path: 'libs/intent/src/decide.ts', text }])).not.toEqual([])
})

it('leaves alone a time that is given and a mention in a comment', () => {
  expect(problemsOf([{ path: 'a.ts', text: '// Date.now() is not for here\nconst at = new Date(now)' }])).toEqual([])
})
