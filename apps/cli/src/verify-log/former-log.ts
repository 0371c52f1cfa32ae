import { type Continuation, provenContinuation } from '@countersign/ledger-check'
import type { TrustedLog } from '@countersign/merkle-log'
import { exitCodes, Failure } from '../exit-codes.ts'
import type { Lost } from './verify-proof.ts'

/**
 * The continuations in an answer of the ledger, each proven to be an entry of the log.
 * @throws Failure for a file that is no such answer, or one of whose continuations is not in the log
 */
export const provenContinuations = (text: string, log: TrustedLog): Continuation[] =>
  entriesOf(text).map((entry) => {
    const continuation = provenContinuation(entry, log)
    if (continuation === undefined) {
      throw new Failure('a continuation is not proven', {
        why: 'its entry is not in the log of this key, or tells of something else',
        exitCode: exitCodes.invalid,
      })
    }
    return continuation
  })

const entriesOf = (text: string): { proof: string; leaf: Buffer }[] => {
  const { continuations } = parsed(text)
  if (!Array.isArray(continuations)) throw notOne()
  return continuations.map((one: unknown) => {
    const { proof, leaf } = (one ?? {}) as { proof?: unknown; leaf?: unknown }
    if (typeof proof !== 'string' || typeof leaf !== 'string') throw notOne()
    return { proof, leaf: Buffer.from(leaf, 'base64') }
  })
}

const parsed = (text: string): { continuations?: unknown } => {
  try {
    return (JSON.parse(text) ?? {}) as { continuations?: unknown }
  } catch {
    throw notOne()
  }
}

const notOne = (): Failure =>
  new Failure('the file given with --continued holds no continuations', {
    next: 'It is the answer of GET /v1/ledger/LOG/continuations, which auditors get.',
    exitCode: exitCodes.invalid,
  })

/** How the log came to its name of now. */
export const continuedLines = ({ former, origin, keptSize, index }: Continuation): string[] => [
  `kept      the log went on as ${origin} with its first ${keptSize} entries, as entry ${index} says`,
  `former    ${former.origin} had ${former.size}`,
]

/** What was there and is not any more. */
export const lostLines = ({ checkpoint, index, continued }: Lost): string[] => [
  index === undefined
    ? `LOST  entries ${continued.keptSize} to ${checkpoint.size - 1} went with a restored database`
    : `LOST  entry ${index} was in the log, and went with a restored database unless it is proven under the new name`,
  `origin    ${checkpoint.origin}`,
  `size      ${checkpoint.size}`,
  `root      ${checkpoint.root.toString('base64')}`,
  ...continuedLines(continued),
]

export const lostJson = ({ verdict, code, checkpoint, index, continued }: Lost): object => ({
  verdict,
  code,
  origin: checkpoint.origin,
  size: checkpoint.size,
  root: checkpoint.root.toString('base64'),
  ...(index === undefined ? {} : { index }),
  continuedAs: continued.origin,
  keptSize: continued.keptSize,
  formerSize: continued.former.size,
  continuation: continued.index,
})
