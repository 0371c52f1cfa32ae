import { CountersignRefused, DecisionPending, ProofInvalid, Unreachable } from '@countersign/client'

/** What the command's exit code says. `exec` exits with the code of what it ran, once it ran. */
export const exitCodes = {
  ok: 0,
  /** Wrong use, or something is broken. */
  failed: 1,
  /** Countersign said no. */
  refused: 2,
  /** Nobody has decided yet. */
  pending: 3,
  /** What is stored or published is not what it was. */
  diverged: 30,
  /** A proof, signature or file that is not what it claims to be. */
  invalid: 40,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends the command: what happened, why, and what to do next. Never holds a secret or a parameter's value. */
export class Failure extends Error {
  readonly why: string | undefined
  readonly next: string | undefined
  readonly exitCode: ExitCode

  constructor(what: string, more: { why?: string | undefined; next?: string | undefined; exitCode?: ExitCode } = {}) {
    super(what)
    this.name = 'Failure'
    this.why = more.why
    this.next = more.next
    this.exitCode = more.exitCode ?? exitCodes.failed
  }
}

/** The code of a network error, which fetch wraps. */
const codeOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? code : codeOf(error.cause)
}

/** Anything that was thrown, as what the user is told. */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof Failure) return error
  if (error instanceof CountersignRefused) {
    const rules = error.rules.length === 0 ? '' : ` by ${error.rules.join(', ')}`
    return new Failure(`refused: ${error.code}${rules}`, {
      why: error.message.replace(`${error.code}: `, ''),
      next: error.next,
      exitCode: error.status >= 500 ? exitCodes.failed : exitCodes.refused,
    })
  }
  if (error instanceof DecisionPending) {
    return new Failure('nobody has decided yet', {
      next: `countersign intent ${error.intentId} shows how it stands; the same --idempotency-key waits for it again.`,
      exitCode: exitCodes.pending,
    })
  }
  if (error instanceof ProofInvalid) {
    return new Failure('the answer could not be verified, so nothing was run', {
      why: error.message.replace('proof_invalid: ', ''),
      next: 'Do not use this deployment until you know why.',
      exitCode: exitCodes.invalid,
    })
  }
  if (error instanceof Unreachable) {
    return new Failure(error.message.replace('unreachable: ', ''), {
      why: codeOf(error.cause),
      next: 'Is it running? npm start starts one here.',
    })
  }
  return new Failure(error instanceof Error ? error.message : String(error))
}
