import { ReconcileExecutionBody, Uuid } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { personCaller } from '../caller.ts'
import { POOL, RECONCILE_EXECUTION } from '../tokens.ts'
import type { ReconcileExecution } from './reconcile-execution.handler.ts'

@Controller('v1/grants')
export class ReconcileExecutionController {
  readonly #pool: pg.Pool
  readonly #reconcile: ReconcileExecution

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(RECONCILE_EXECUTION) reconcile: ReconcileExecution) {
    this.#pool = pool
    this.#reconcile = reconcile
  }

  @Post(':grantId/reconcile')
  @HttpCode(200)
  async reconcile(
    @Param('grantId', pathParameter(Uuid)) grantId: string,
    @Body(validateBody(ReconcileExecutionBody)) { outcome }: ReconcileExecutionBody,
    @Requester() identity: Identity,
  ): Promise<{ grantId: string; state: string }> {
    const caller = orRefuse(await personCaller(this.#pool, identity))
    orRefuse((await this.#reconcile.handle(caller, grantId, outcome)) ?? { done: true })
    return { grantId, state: 'reconciled' }
  }
}
