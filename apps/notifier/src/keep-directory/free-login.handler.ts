import { type FreedLogin, type LoginTenants, type Refusal, refuse } from '@countersign/contracts'
import {
  type Decision,
  type DeploymentOperators,
  type EventStore,
  operatesDeployment,
  registerStream,
  tenantsOfLogin,
} from '@countersign/event-store'
import type { PersonCaller } from '../caller.ts'
import { lastOf } from './change.ts'

type Login = { readonly issuer: string; readonly subject: string }
export type FreeLoginCommand = Login & { readonly tenantId: string; readonly reason: string }

/**
 * Takes a login out of a tenant that has it wrongly. One login is of one tenant, and whose operator registers it first has it:
 * only whoever runs the deployment can say that it is another's. They take away and give nothing: an operator of the right
 * tenant registers it. Also the tenant's last operator, because the wrong one may have made it that.
 */
export class FreeLogin {
  readonly #store: EventStore
  readonly #operators: DeploymentOperators

  constructor(store: EventStore, operators: DeploymentOperators) {
    this.#store = store
    this.#operators = operators
  }

  /** The tenants in which a login is an active person. */
  async tenantsOf(caller: PersonCaller, login: Login): Promise<LoginTenants | Refusal> {
    if (!(await operatesDeployment(this.#operators, caller))) return refuse('not_allowed')
    return { tenants: await tenantsOfLogin(this.#operators.pool, login) }
  }

  /** In the other tenant's history it is the deployment that did it; who that was is told in their own. */
  async handle(caller: PersonCaller, command: FreeLoginCommand): Promise<FreedLogin | Refusal> {
    const { tenantId, reason } = command
    const found = await this.tenantsOf(caller, command)
    if ('refused' in found) return found
    // In their own tenant they are an operator as any other: they deactivate, which keeps the last one.
    const there = found.tenants.find((one) => one.tenantId === tenantId && tenantId !== caller.tenantId)
    if (there === undefined) return refuse('not_found')
    const { person } = there
    const [gone, freed] = [
      registerStream(tenantId, 'person', person),
      registerStream(caller.tenantId, 'login', tenantId, person),
    ]
    const { answer } = await this.#store.execute(
      { streams: [gone, freed] },
      {
        decide: (_command, loaded): Decision<FreedLogin | Refusal> => {
          const before = lastOf(loaded.of(gone).events, 'DirectoryPersonRegistered')
          if (before?.active !== true) return { append: [], answer: refuse('not_found') }
          const said = { active: false, changedBy: null, seeded: false, deployment: true, reason } as const
          return {
            append: [
              { stream: gone, events: [{ type: 'DirectoryPersonRegistered', data: { person, ...said } }] },
              {
                stream: freed,
                events: [{ type: 'LoginFreed', data: { tenant: tenantId, person, by: caller.subjectId, reason } }],
              },
            ],
            answer: { tenantId, person },
          }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0) return
          await tx.query('update countersign.person set active = false where tenant_id = $1 and subject_id = $2', [
            tenantId,
            person,
          ])
        },
      },
    )
    return answer
  }
}
