import { refuse } from '@countersign/contracts'
import { personOf, withTenants } from '@countersign/event-store'
import { type Identity, isHuman } from '@countersign/identity'
import { orRefuse, Requester } from '@countersign/service-kit'
import { Controller, Get, Inject } from '@nestjs/common'
import type pg from 'pg'
import { isUsable, type ActiveSets } from '../active-sets.ts'
import { activeSetsToken, poolToken } from '../tokens.ts'
import { policySetView, type PolicySetView } from './policy-set-view.ts'

/** What decides at the moment: for people of the tenant's directory, by a token of their own and not a delegated one. */
@Controller('v1/policy-sets')
export class ActivePolicySetController {
  readonly #pool: pg.Pool
  readonly #sets: ActiveSets

  constructor(@Inject(poolToken) pool: pg.Pool, @Inject(activeSetsToken) sets: ActiveSets) {
    this.#pool = pool
    this.#sets = sets
  }

  @Get('active')
  async active(@Requester() identity: Identity): Promise<PolicySetView> {
    if (!isHuman(identity)) return orRefuse(refuse('not_human'))
    const person = await personOf(this.#pool, identity)
    if (person === undefined) return orRefuse(refuse('person_inactive'))
    const { tenantId } = person
    const active = await withTenants(this.#pool, [tenantId], (tx) => this.#sets.read(tx, [tenantId]))
    const found = active.get(tenantId)
    return isUsable(found) ? policySetView(found) : orRefuse(refuse('not_found'))
  }
}
