import { ReportExecutionBody } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { clientCaller } from '../caller.ts'
import { POOL, REPORT_EXECUTION } from '../tokens.ts'
import type { ReportExecution } from './report-execution.handler.ts'

@Controller('v1/executions')
export class ReportExecutionController {
  readonly #pool: pg.Pool
  readonly #report: ReportExecution

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(REPORT_EXECUTION) report: ReportExecution) {
    this.#pool = pool
    this.#report = report
  }

  @Post()
  @HttpCode(202)
  async report(
    @Body(validateBody(ReportExecutionBody)) body: ReportExecutionBody,
    @Requester() identity: Identity,
  ): Promise<{ grantId: string; executionId: string; outcome: string }> {
    const caller = orRefuse(await clientCaller(this.#pool, identity))
    orRefuse((await this.#report.handle(caller, body)) ?? { done: true })
    return { grantId: body.grantId, executionId: body.executionId, outcome: body.outcome }
  }
}
