import { EmergencyFreezeBody } from '@countersign/contracts'
import { orRefuse, Public, validateBody } from '@countersign/service-kit'
import { Body, Controller, Headers, Inject, Post } from '@nestjs/common'
import { EMERGENCY_FREEZE } from '../tokens.ts'
import type { EmergencyFreeze } from './emergency-freeze.handler.ts'
import { unfitText } from './freeze-text.ts'

/** Authorised by the freeze credential alone: it has to work when the identity provider does not. */
@Controller('v1/emergency-freezes')
@Public()
export class EmergencyFreezeController {
  readonly #freeze: EmergencyFreeze

  constructor(@Inject(EMERGENCY_FREEZE) freeze: EmergencyFreeze) {
    this.#freeze = freeze
  }

  @Post()
  async freeze(
    @Body(validateBody(EmergencyFreezeBody)) body: EmergencyFreezeBody,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<{ freezeId: string }> {
    orRefuse(unfitText(body) ?? body)
    return orRefuse(await this.#freeze.handle(authorization, body))
  }
}
