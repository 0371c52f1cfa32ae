import { refuse, type FreezeScope, type Refusal } from '@countersign/contracts'
import { findSecret, identifierProblem } from '@countersign/redaction'

/** Why the texts of a freeze may not be recorded as they are: they stand in the clear for ever. */
export const unfitText = ({ scope, reason }: { scope?: FreezeScope; reason?: string }): Refusal | undefined => {
  if (scope !== undefined && Object.values(scope).some((name) => findSecret(name) !== undefined))
    return refuse('secret_in_field', { pointer: '/scope' })
  const problem = reason === undefined ? undefined : identifierProblem(reason)
  if (problem === undefined) return undefined
  return refuse(problem === 'secret_in_field' ? problem : 'hidden_text', { pointer: '/reason' })
}
