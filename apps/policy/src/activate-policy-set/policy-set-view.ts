import type { AssuranceDemand, Seat } from '@countersign/contracts'
import type { UsableSet } from '../active-sets.ts'

/** Answer of `GET /v1/policy-sets/active`. */
export type PolicySetView = {
  readonly digest: string
  readonly engine: string
  readonly activatedAt: string
  readonly rules: readonly {
    readonly id: string
    readonly effect: string
    readonly text?: string
    /** Actions that its scope names; absent for a rule about any action. */
    readonly actions?: readonly string[]
    readonly seats?: readonly Seat[]
    readonly assurance?: AssuranceDemand
    readonly file: string
  }[]
}

export const policySetView = ({ set, activatedAt }: UsableSet): PolicySetView => ({
  digest: set.digest,
  engine: set.engine,
  activatedAt,
  rules: [...set.rules.values()]
    .map(({ id, effect, text, actions, seats, assurance, file }) => ({
      id,
      effect,
      ...(text === undefined ? {} : { text }),
      ...(actions === undefined ? {} : { actions: [...actions].toSorted() }),
      ...(seats.length === 0 ? {} : { seats }),
      ...(assurance === undefined ? {} : { assurance }),
      file,
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
})
