/** Countersign said no. `code` is stable; `pointer` names a field, `rules` the policy rules that decided. */
export class CountersignRefused extends Error {
  readonly code: string
  readonly status: number
  readonly next: string | undefined
  readonly pointer: string | undefined
  readonly rules: readonly string[]
  /** How long the service asks to wait before the same request is sent again, ms. */
  readonly retryAfterMs: number | undefined

  constructor(problem: {
    code: string
    title: string
    status: number
    next?: string | undefined
    pointer?: string | undefined
    rules?: readonly string[] | undefined
    retryAfterMs?: number | undefined
  }) {
    super(`${problem.code}: ${problem.title}${problem.pointer === undefined ? '' : ` (${problem.pointer})`}`)
    this.name = 'CountersignRefused'
    this.code = problem.code
    this.status = problem.status
    this.next = problem.next
    this.pointer = problem.pointer
    this.rules = problem.rules ?? []
    this.retryAfterMs = problem.retryAfterMs
  }
}

/** Nobody has decided yet and the caller did not want to wait longer. The action must not run. */
export class DecisionPending extends Error {
  readonly intentId: string

  constructor(intentId: string) {
    super('pending: nobody has decided yet')
    this.name = 'DecisionPending'
    this.intentId = intentId
  }
}

/** What came back is not what it should be: a wrong digest, a signature that does not verify. The action must not run. */
export class ProofInvalid extends Error {
  constructor(what: string) {
    super(`proof_invalid: ${what}`)
    this.name = 'ProofInvalid'
  }
}

/** Nobody answered: no connection, or no whole answer in time. Whether the request had an effect is not known. */
export class Unreachable extends Error {
  constructor(what: string, cause?: unknown) {
    super(`unreachable: ${what}`, cause === undefined ? undefined : { cause })
    this.name = 'Unreachable'
  }
}

/** Whether the same request may succeed when it is sent again. */
export const isTransient = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof CountersignRefused && (error.status >= 500 || error.status === 429))
