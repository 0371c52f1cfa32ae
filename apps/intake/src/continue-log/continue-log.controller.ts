import { ContinueLogBody, refuse, Uuid, type ContinuedLogView } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { identifierProblem } from '@countersign/redaction'
import { orRefuse, pathParameter, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common'
import type pg from 'pg'
import { personCaller } from '../caller.ts'
import { CONTINUE_LOG, POOL } from '../tokens.ts'
import type { ContinueLog } from './continue-log.handler.ts'

@Controller('v1/store/logs')
export class ContinueLogController {
  readonly #pool: pg.Pool
  readonly #logs: ContinueLog

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(CONTINUE_LOG) logs: ContinueLog) {
    this.#pool = pool
    this.#logs = logs
  }

  @Post(':log/continue')
  @HttpCode(200)
  async continue(
    @Param('log', pathParameter(Uuid)) log: string,
    @Body(validateBody(ContinueLogBody)) { reason }: ContinueLogBody,
    @Requester() identity: Identity,
  ): Promise<ContinuedLogView> {
    const caller = orRefuse(await personCaller(this.#pool, identity))
    const problem = identifierProblem(reason)
    if (problem !== undefined)
      orRefuse(refuse(problem === 'secret_in_field' ? problem : 'hidden_text', { pointer: '/reason' }))
    return orRefuse(await this.#logs.continue(caller, { log, reason }))
  }
}
