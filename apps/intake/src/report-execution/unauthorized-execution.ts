import type { Refusal, RefusalCode } from '@countersign/contracts'
import { counter, type Log } from '@countersign/service-kit'
import type { ClientCaller } from '../caller.ts'

/** Told of a run that was reported although no grant was used for it. */
export type UnauthorizedAlert = (found: {
  readonly caller: ClientCaller
  readonly grantId: string
  readonly executionId: string
  readonly refused: RefusalCode
}) => void

/** Refusals of a report that mean: it ran, or is said to have run, and nothing was redeemed for it. */
const unauthorized: ReadonlySet<RefusalCode> = new Set(['unknown_grant', 'not_redeemed'])
export const isUnauthorized = ({ code }: Refusal): boolean => unauthorized.has(code)

const executions = counter('countersign.intake.unauthorized_executions', {
  description: 'Reports of a run for which no grant was redeemed',
  unit: '{report}',
})

/** An alert in log and metrics; the refused report itself is recorded where every refusal is. */
export const alertOn =
  (log: Log): UnauthorizedAlert =>
  ({ caller, grantId, executionId, refused }) => {
    executions.add(1, { code: refused })
    const { tenantId, producer, clientId } = caller
    log.warn(
      { code: 'unauthorized_execution', refused, tenantId, producer, clientId, grantId, executionId },
      'a run was reported without a redeemed grant',
    )
  }
