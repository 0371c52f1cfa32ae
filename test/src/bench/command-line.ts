import { parseArgs } from 'node:util'
import { type TargetId, targetIds, targets } from './targets.ts'

/** What can be asked for: a target, or a part that has no yardstick. */
export type Part = TargetId | 'end-to-end' | 'stages'

const parts: readonly Part[] = ['end-to-end', 'stages', ...targetIds]
/** What `--quick` measures. */
const quickParts: readonly Part[] = ['T1', 'T2', 'T3', 'T4', 'T5', 'T8']

export const usage = (): string => `npm run bench -- [--quick] [--only PART,...] [--json FILE]

Measures Countersign beside yardsticks in the same run and shows whether each figure reaches its goal. A figure below its
goal does not fail the command. What needs Kafka uses the brokers in KAFKA_BROKERS (host:port,...), else a broker of its
own, which takes Java 17 and, once, Maven.

  --quick        ${quickParts.join(', ')} only, in three rounds
  --only PARTS   the parts named, separated by commas; T11 is both of its parts
  --json FILE    writes every figure, both sides of each, to the file
  --help         this text

Parts:
  end-to-end  intents and human cycles over HTTP on the embedded default, with latency and memory
  stages      cost of each stage of the embedded default, one service at a time
${targetIds.map((id) => `  ${id.padEnd(12)}${targets[id].what}`).join('\n')}
`

export type CommandLine = {
  readonly help: boolean
  readonly quick: boolean
  readonly json: string | undefined
  /** What to measure; why not is said of every target that is not in it. */
  readonly wanted: ReadonlySet<Part>
}

/** What somebody typed that the bench does not know. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}

/** @throws WrongUse on an unknown option or part */
export const readCommandLine = (args: readonly string[]): CommandLine => {
  const { help, quick, json, only } = valuesOf(args)
  const named = only?.split(',').flatMap((name) => partsNamed(name.trim()))
  return { help, quick, json, wanted: new Set(named ?? (quick ? quickParts : parts)) }
}

const valuesOf = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'string' },
        only: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (code?.startsWith('ERR_PARSE_ARGS_') === true) throw new WrongUse(message)
    throw error
  }
}

/** A target that is measured in several parts, such as T11, names them all. */
const partsNamed = (name: string): readonly Part[] => {
  const wanted = name.toLowerCase()
  const exact = parts.filter((part) => part.toLowerCase() === wanted)
  const found = exact.length > 0 ? exact : targetIds.filter((id) => id.toLowerCase().startsWith(`${wanted}-`))
  if (found.length > 0) return found
  throw new WrongUse(`there is no part ${JSON.stringify(name)}; there are ${parts.join(', ')}`)
}
