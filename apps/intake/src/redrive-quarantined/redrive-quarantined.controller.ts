import { RedriveQuarantineBody, type RedrivenQuarantine } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { orRefuse, Requester, validateBody } from '@countersign/service-kit'
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import type pg from 'pg'
import { personCaller } from '../caller.ts'
import { POOL, REDRIVE_QUARANTINED } from '../tokens.ts'
import type { RedriveQuarantined } from './redrive-quarantined.handler.ts'

@Controller('v1/quarantine/redrive')
export class RedriveQuarantinedController {
  readonly #pool: pg.Pool
  readonly #redrive: RedriveQuarantined

  constructor(@Inject(POOL) pool: pg.Pool, @Inject(REDRIVE_QUARANTINED) redrive: RedriveQuarantined) {
    this.#pool = pool
    this.#redrive = redrive
  }

  @Post()
  @HttpCode(200)
  async redrive(
    @Body(validateBody(RedriveQuarantineBody)) body: RedriveQuarantineBody,
    @Requester() identity: Identity,
  ): Promise<RedrivenQuarantine> {
    const caller = orRefuse(await personCaller(this.#pool, identity))
    return orRefuse(await this.#redrive.handle(caller, body))
  }
}
