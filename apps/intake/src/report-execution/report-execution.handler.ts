import { refuse, type Refusal, type ReportExecutionBody } from '@countersign/contracts'
import type { EventStore } from '@countersign/event-store'
import type pg from 'pg'
import type { ClientCaller } from '../caller.ts'
import { decideIntent } from '../decide-intent.ts'
import { findGrant, rememberGrant } from '../issued-grant.ts'
import { reportCommand } from '../record-refusal/command-of.ts'
import type { TakenRecord } from '../record-refusal/taken-record.ts'
import { isUnauthorized, type UnauthorizedAlert } from './unauthorized-execution.ts'

/** Field of a report that says the opposite of its outcome: a success has no error and no exit code but 0. */
const contradictionIn = ({ outcome, code, exitCode }: ReportExecutionBody): string | undefined => {
  if (outcome === 'failed') return undefined
  if (code !== undefined) return '/code'
  return exitCode !== undefined && exitCode !== 0 ? '/exitCode' : undefined
}

/** A report on the bus: the record, and the intent that it names. */
export type ReportRecord = { readonly record: TakenRecord; readonly intentId: string }

/** Records what an executor says happened under its grant. A run that no grant was used for is refused and an alert. */
export class ReportExecution {
  readonly #pool: pg.Pool
  readonly #store: EventStore
  readonly #alert: UnauthorizedAlert

  constructor(pool: pg.Pool, store: EventStore, alert: UnauthorizedAlert) {
    this.#pool = pool
    this.#store = store
    this.#alert = alert
  }

  async handle(caller: ClientCaller, body: ReportExecutionBody, asked?: ReportRecord): Promise<Refusal | undefined> {
    const refusal = await this.#record(caller, body, asked)
    const { grantId, executionId } = body
    if (refusal !== undefined && isUnauthorized(refusal))
      this.#alert({ caller, grantId, executionId, refused: refusal.code })
    return refusal
  }

  async #record(
    caller: ClientCaller,
    body: ReportExecutionBody,
    asked: ReportRecord | undefined,
  ): Promise<Refusal | undefined> {
    const contradiction = contradictionIn(body)
    if (contradiction !== undefined) return refuse('invalid_request', { pointer: contradiction })
    const { grantId, executionId, outcome, code, ...result } = body
    const grant = await findGrant(this.#pool, grantId, caller.tenantId)
    if (grant === undefined) return refuse('unknown_grant')
    if (asked !== undefined && asked.intentId !== grant.intentId)
      return refuse('wrong_subject', { pointer: '/subject' })
    return decideIntent({
      store: this.#store,
      tenantId: grant.tenantId,
      intentId: grant.intentId,
      caller,
      actsAs: 'executor',
      command: reportCommand,
      record: asked?.record,
      make: ({ now, by }) => ({
        type: 'ReportExecution',
        now,
        grantId,
        executionId,
        executor: by,
        clientId: caller.clientId,
        ...(asked === undefined ? {} : { producer: caller.producer }),
        outcome,
        ...(code === undefined ? {} : { code }),
        result,
      }),
      effects: async (tx, events) => {
        if (events.some(({ type }) => type !== 'ExecutionStarted')) await rememberGrant(tx, grant, null)
      },
    })
  }
}
