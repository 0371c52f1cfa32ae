import { readFile } from 'node:fs/promises'
import { parseCheckpoint, parseNote } from '@countersign/merkle-log'
import { dataDirOption, examples, jsonOption, type Register } from '../command.ts'
import { exitCodes, Failure } from '../exit-codes.ts'
import { verifyStoreOf, type StoreOptions } from '../verify-store/verify-store.ts'
import { continuedLines, lostJson, lostLines, provenContinuations } from './former-log.ts'
import {
  type KnownLog,
  type Verified,
  exitCodeOf,
  isProof,
  leafHashFrom,
  trustedLog,
  verifyCheckpoints,
  verifyProof,
} from './verify-proof.ts'

type VerifyOptions = StoreOptions & {
  readonly proof?: string
  readonly leaf?: string
  readonly leafHash?: string
  readonly checkpoint?: string
  readonly known?: string
  readonly consistency?: string
  readonly vkey?: string
  readonly continued?: string
  readonly store?: boolean
  readonly json?: boolean
}

export const registerVerify: Register = (program, context, finish) => {
  const { terminal } = context
  program
    .command('verify')
    .summary('check proofs, checkpoints and the store')
    .description(
      'Checks offline what the ledger gave you, with nothing but its verifier key: that an entry is in the log (--proof), that\nthe log only grew between two checkpoints (--checkpoint, --known). With --store every leaf of the log is recomputed from\nits event row, every tile from the leaves, and the root is held against a checkpoint that you saved.',
    )
    .option('--proof <file>', 'proof as GET …/events/{id}/proof gives it, JSON or .tlog-proof')
    .option('--leaf <file>', 'the entry itself; with a bare .tlog-proof this or --leaf-hash is needed')
    .option('--leaf-hash <digest>', 'sha256:… of the leaf')
    .option('--checkpoint <file>', 'signed checkpoint; with --store one that you saved earlier')
    .option('--known <file>', 'older checkpoint that you saved')
    .option('--consistency <file>', 'consistency proof between the two, as GET …/consistency gives it')
    .option('--vkey <key>', "the log's verifier key, or @file")
    .option(
      '--continued <file>',
      'continuations as GET …/continuations gives them, for what is of a former name of the log',
    )
    .option('--store', 'check a store; needs a database role that sees everything')
    .option('--database <url>', 'with --store: connection URL of the store (COUNTERSIGN_DATABASE_URL)')
    .option('--log <id>', 'with --store: only this log; all of them if absent')
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${examples(
        'countersign verify --proof entry.json --vkey @log.vkey',
        'countersign verify --checkpoint today.txt --known last-week.txt --consistency growth.json --vkey @log.vkey',
        'countersign verify --store --checkpoint saved.txt --vkey @log.vkey',
      )}
Exit code: 0 it holds · 1 wrong use · 30 DIVERGED, what is there is not what was recorded, or LOST with a restored database, as
an operator says in the log · 40 INVALID, a proof, signature or
file is not what it claims to be.
`,
    )
    .action(async (options: VerifyOptions) => {
      if (options.store === true) return finish(await verifyStoreOf(options, context))
      const verified = await verifyFiles(options)
      if (options.json === true) terminal.out(JSON.stringify(jsonOf(verified), null, 2))
      else for (const line of verdictLines(verified)) terminal.out(line)
      finish(exitCodeOf(verified))
    })
}

const verifyFiles = async (options: VerifyOptions): Promise<Verified> => {
  const { proof, checkpoint, known } = options
  if (proof !== undefined) return verifyProofFile(proof, options)
  if (checkpoint !== undefined && known !== undefined) return verifyGrowthOf(checkpoint, known, options)
  throw new Failure('there is nothing to verify', {
    next: 'Give --proof, or --checkpoint with --known, or --store. countersign verify --help shows examples.',
  })
}

const logOf = async ({ vkey, continued }: VerifyOptions): Promise<KnownLog> => {
  if (vkey === undefined) throw new Failure('without --vkey nothing can be trusted')
  const log = trustedLog(vkey.startsWith('@') ? await readText(vkey.slice(1)) : vkey)
  return { ...log, continuations: continued === undefined ? [] : provenContinuations(await readText(continued), log) }
}

const verifyProofFile = async (path: string, options: VerifyOptions): Promise<Verified> => {
  const log = await logOf(options)
  const text = await readText(path)
  const given = isProof(text) ? { proof: text } : fieldsOf(text)
  const leaf = options.leaf === undefined ? undefined : await readBytes(options.leaf)
  const hash = leafHashFrom({ digest: options.leafHash ?? given.leafHash, leaf })
  if (given.proof === undefined) return { verdict: 'invalid', code: 'proof_malformed' }
  if (hash === undefined) {
    throw new Failure('it is not known which entry the proof is for', { next: 'Give --leaf or --leaf-hash sha256:….' })
  }
  return verifyProof(given.proof, hash, log)
}

const verifyGrowthOf = async (checkpoint: string, known: string, options: VerifyOptions): Promise<Verified> => {
  const log = await logOf(options)
  const [newer, older] = [await readText(checkpoint), await readText(known)]
  const { hashes = [] } = options.consistency === undefined ? {} : fieldsOf(await readText(options.consistency))
  const verified = verifyCheckpoints(older, newer, { log, hashes: hashes.map((hash) => Buffer.from(hash, 'base64')) })
  if (options.consistency === undefined && verified.verdict === 'invalid' && verified.code === 'proof_length') {
    const [from, to] = [older, newer].map((note) => parseCheckpoint(parseNote(note)?.text ?? '')?.size)
    throw new Failure(`the log grew from ${from} to ${to}; a consistency proof is needed`, {
      next: `curl '<deployment>/v1/ledger/<log>/consistency?from=${from}&to=${to}' > growth.json, then --consistency growth.json`,
    })
  }
  return verified
}

/** The parts of a JSON answer of the ledger that a proof needs; anything else is left out. */
const fieldsOf = (text: string): { proof?: string; leafHash?: string; hashes?: string[] } => {
  let value: Record<string, unknown> | null
  try {
    value = JSON.parse(text) as Record<string, unknown> | null
  } catch {
    return {}
  }
  const { proof, leafHash, hashes } = value ?? {}
  return {
    ...(typeof proof === 'string' ? { proof } : {}),
    ...(typeof leafHash === 'string' ? { leafHash } : {}),
    ...(Array.isArray(hashes) && hashes.every((hash) => typeof hash === 'string') ? { hashes } : {}),
  }
}

export const verdictLines = (verified: Verified): string[] => {
  if (verified.verdict === 'lost') return lostLines(verified)
  if (verified.verdict !== 'verified') {
    return [`${verified.verdict === 'diverged' ? 'DIVERGED' : 'INVALID'}  ${verified.code}`]
  }
  const { checkpoint, index, from, continued } = verified
  return [
    index === undefined ? 'VERIFIED  the log only grew' : `VERIFIED  entry ${index} is in the log`,
    `origin    ${checkpoint.origin}`,
    `size      ${from === undefined ? '' : `${from} to `}${checkpoint.size}`,
    `root      ${checkpoint.root.toString('base64')}`,
    ...(continued === undefined ? [] : continuedLines(continued)),
  ]
}

const jsonOf = (verified: Verified): object =>
  verified.verdict === 'lost' ? lostJson(verified) : verdictJson(verified)

const verdictJson = (verified: Exclude<Verified, { verdict: 'lost' }>): object =>
  verified.verdict === 'verified'
    ? {
        verdict: verified.verdict,
        origin: verified.checkpoint.origin,
        size: verified.checkpoint.size,
        root: verified.checkpoint.root.toString('base64'),
        ...(verified.index === undefined ? {} : { index: verified.index }),
        ...(verified.from === undefined ? {} : { from: verified.from }),
      }
    : verified

const readBytes = (path: string): Promise<Buffer> =>
  readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`${path} cannot be read`, { why: error.code, exitCode: exitCodes.failed })
  })
const readText = async (path: string): Promise<string> => (await readBytes(path)).toString('utf8')
