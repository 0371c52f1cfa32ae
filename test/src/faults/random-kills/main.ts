import { parseArgs } from 'node:util'
import { type Report, killAtRandom } from './kill-at-random.ts'

const usage = `npm run faults -- [--minutes 1] [--seed N] [--json]

Runs the services, the relay, PostgreSQL and Kafka as processes, under load, and kills one of them at random every few
seconds; then waits for calm and holds what is left against every promise. Exit code 1 when one was broken.
`

const print = (line: string): boolean => process.stdout.write(`${line}\n`)

const tell = ({ seed, minutes, kills, promised, violations }: Report): void => {
  print('')
  for (const [victim, times] of Object.entries(kills)) print(`  killed ${victim.padEnd(20)} ${times}`)
  for (const [what, count] of Object.entries(promised)) print(`  ${what.padEnd(27)} ${count}`)
  print('')
  for (const { promise, count, example } of violations) print(`BROKEN  ${promise}: ${count}, for example ${example}`)
  print(`${violations.length} promises broken in ${minutes} minutes of kills, seed ${seed}`)
}

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
      json: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    print(usage)
    return 0
  }
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes > 0 && minutes <= 120) || !Number.isInteger(seed)) {
    process.stderr.write(usage)
    return 2
  }
  const report = await killAtRandom({ minutes, seed, say: values.json ? () => undefined : print })
  if (values.json) print(JSON.stringify(report, null, 2))
  else tell(report)
  return report.violations.length === 0 ? 0 : 1
}

process.exitCode = await main()
