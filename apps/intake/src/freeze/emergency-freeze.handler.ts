import { refuse, type EmergencyFreezeBody, type Refusal } from '@countersign/contracts'
import { allTenants, type DeploymentOperators, type EventStore, operatorsTenant } from '@countersign/event-store'
import { Admission } from '../publish-intent/admission.ts'
import { attemptsOfDay, countAttempts, recordAttempt, type RefusedAttempt } from '../record-refusal/refused-attempts.ts'
import { roomOf } from '../record-refusal/refused-command.ts'
import type { HoldsFreezeCredential } from './follow-freeze-credential.ts'
import type { Freeze } from './freeze.handler.ts'

export type EmergencyFreezeOptions = {
  readonly store: EventStore
  readonly freeze: Freeze
  readonly operators: DeploymentOperators
  readonly holdsCredential: HoldsFreezeCredential
}

/** Stands for whoever tries the freeze credential; no producer or client can be named so. */
const ofCredential = '@freeze-credential'
const rightPerSecond = 20
const wrongPerSecond = 5

/**
 * Freezes for whoever shows the freeze credential: for the hour in which nobody can sign in. It needs the store and nothing
 * else, and lifts nothing. Wrong credentials are recorded and limited on an account of their own, so that who guesses can
 * hold up nobody who knows.
 */
export class EmergencyFreeze {
  readonly #options: EmergencyFreezeOptions
  readonly #right = new Admission(rightPerSecond)
  readonly #wrong = new Admission(wrongPerSecond)

  constructor(options: EmergencyFreezeOptions) {
    this.#options = options
  }

  async handle(
    authorization: string | undefined,
    { scope, reason, tenantId }: EmergencyFreezeBody,
  ): Promise<{ freezeId: string } | Refusal> {
    const { holdsCredential, freeze, operators } = this.#options
    const isRight = holdsCredential(authorization)
    const admission = isRight ? this.#right : this.#wrong
    if (!admission.admits({ tenantId: '', producer: ofCredential }, performance.now()))
      return refuse('too_many_requests')
    const own = await operatorsTenant(operators)
    if (!isRight) return this.#recorded(own, refuse('freeze_credential_invalid'))
    const of = tenantId ?? own
    const isKnown = (await allTenants(operators.pool)).some((tenant) => tenant.tenantId === of)
    if (of === undefined || !isKnown) return refuse('not_found', { pointer: '/tenantId' })
    return freeze.freezeByCredential(of, { scope, ...(reason === undefined ? {} : { reason }) })
  }

  /** Records the attempt with the tenant that runs the deployment; where nobody can say which that is, it is only answered. */
  async #recorded(tenantId: string | undefined, refusal: Refusal): Promise<Refusal> {
    if (tenantId === undefined) return refusal
    await this.#options.store.execute(
      { streams: [], tenantIds: [tenantId] },
      {
        read: (tx) => roomOf(tx, tenantId, ofCredential),
        decide: (_command, { now }, room) => {
          const attempt: RefusedAttempt = {
            tenantId,
            source: ofCredential,
            streamId: attemptsOfDay(tenantId, ofCredential, now),
            code: refusal.code,
            event: {
              type: 'CommandRefused',
              data: { command: 'emergency_freeze', code: refusal.code, by: null, count: 1 },
            },
          }
          const append = recordAttempt(attempt, room)
          return { append, answer: { ...attempt, recorded: append.length > 0 } }
        },
        effects: async (tx, [decided]) => {
          if (decided !== undefined) await countAttempts(tx, [decided.answer])
        },
      },
    )
    return refusal
  }
}
