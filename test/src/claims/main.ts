import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { proveClaims, type Outcome, type Proof } from './prove-claims.ts'
import { readClaims } from './read-claims.ts'

/**
 * `npm run claims`: proves the claims of `docs/claims.md`, one line each. Exit code 1 when one failed, 2 when the table or
 * the arguments cannot be read; a claim that nothing proves yet is said to be so and fails nothing. With `--report` tests are
 * judged by what a run of all of them has reported (`npm test -- --reporter=json --outputFile=FILE`).
 */
const usage = 'npm run claims -- [--json] [--report FILE]'
const limitMs = 600_000
const root = join(import.meta.dirname, '../../..')

const lineOf = ({ number, claim, command, outcome, reason }: Proof): string => {
  const line = `${String(number).padStart(2)}  ${outcome.padEnd(7)}  ${claim}`
  return outcome === 'FAILED' ? `${line}\n             ${reason ?? ''}\n             ${command ?? ''}` : line
}

const main = async (): Promise<number> => {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, report: { type: 'string' } } })
  const claims = readClaims(readFileSync(join(root, 'docs/claims.md'), 'utf8'))
  const began = performance.now()
  const say = (what: string): boolean => process.stderr.write(`running ${what}\n`)
  const { report } = values
  const proofs = await proveClaims(claims, { root, limitMs, say, ...(report === undefined ? {} : { report }) })
  const count = (outcome: Outcome): number => proofs.filter((proof) => proof.outcome === outcome).length
  const counts = { proven: count('PROVEN'), failed: count('FAILED'), notYet: count('NOT YET') }
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ counts, claims: proofs }, null, 2)}\n`)
  } else {
    const seconds = Math.round((performance.now() - began) / 1_000)
    for (const proof of proofs) process.stdout.write(`${lineOf(proof)}\n`)
    process.stdout.write(
      `${counts.proven} proven, ${counts.failed} failed, ${counts.notYet} not yet, of ${proofs.length} in ${seconds} s\n`,
    )
  }
  return counts.failed === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}\n`)
  process.exitCode = 2
}
