import type { ReciprocalApprovals } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { EdgeRoute, orRefuse, Refused, Requester } from '@countersign/service-kit'
import { Controller, Get, Inject, Query } from '@nestjs/common'
import { Type } from 'typebox'
import { readerOf, readsEverything } from '../reader.ts'
import { READING, type Reading } from '../reading.ts'
import { reciprocalApprovals } from './reciprocal-approvals.ts'

const ReciprocityQuery = Type.Object({
  days: Type.Integer({ minimum: 1, maximum: 366, default: 30 }),
  least: Type.Integer({ minimum: 1, maximum: 1_000, default: 2 }),
})
type ReciprocityQuery = Type.Static<typeof ReciprocityQuery>

/** `GET /v1/audit/reciprocal-approvals`: who approves whose, both ways, for analysts and auditors. */
@Controller()
export class FindReciprocityController {
  readonly #reading: Reading

  constructor(@Inject(READING) reading: Reading) {
    this.#reading = reading
  }

  @Get('v1/audit/reciprocal-approvals')
  @EdgeRoute({ query: ReciprocityQuery })
  async find(@Query() query: ReciprocityQuery, @Requester() identity: Identity): Promise<ReciprocalApprovals> {
    const { pool, rules } = this.#reading
    const reader = orRefuse(await readerOf(pool, identity, rules))
    if (!readsEverything(reader, rules)) throw new Refused({ code: 'not_allowed' })
    return reciprocalApprovals(pool, { tenantId: reader.tenantId, ...query })
  }
}
