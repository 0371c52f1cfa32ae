import { randomUUID } from 'node:crypto'
import { accepted, refused } from '../evidence.ts'
import type { Guarantee } from '../guarantee.ts'
import { actions, asked, askFor, granted, one, usedAsApproved } from '../requests.ts'

const ofPeople = ['not_human', 'not_allowed']

export const aboutStopping: readonly Guarantee[] = [
  {
    id: 'G25',
    title: 'A freeze stops everything at once',
    meaning: 'There is a switch that ends what agents may do, grants that are out included, before the next use.',
    test: 'An environment is frozen: collecting and using a grant in it are refused, elsewhere not. When it is lifted both are accepted.',
    check: async (trial) => {
      const { gate, cast } = trial
      const [agent, operator] = [one(cast, 'agent'), one(cast, 'operator')]
      const environment = `trial-${randomUUID()}`
      const held = await granted(trial, askFor(actions.allowed, { environment }))
      const waiting = await asked(trial, askFor(actions.allowed, { environment }))
      const { freezeId } = accepted('the freeze', await gate.freeze(operator, environment))
      const code = refused('a use under the freeze', await gate.redeem(agent, held.grant, held.ask, randomUUID()), [
        'frozen',
      ])
      refused('collecting under the freeze', await gate.collect(agent, waiting.intentId), ['frozen'])
      await usedAsApproved(trial, await granted(trial))
      accepted('lifting the freeze', await gate.unfreeze(operator, freezeId))
      await usedAsApproved(trial, held)
      accepted('collecting after it', await gate.collect(agent, waiting.intentId))
      return `${code}; elsewhere and afterwards it ran`
    },
  },
  {
    id: 'G26',
    title: 'An agent neither freezes nor lifts a freeze',
    meaning: 'What is to be stopped does not hold the switch.',
    test: 'The agent freezes an environment, and lifts a freeze of an operator: both refused, and the freeze stands.',
    check: async (trial) => {
      const { gate, cast } = trial
      const [agent, operator] = [one(cast, 'agent'), one(cast, 'operator')]
      const environment = `trial-${randomUUID()}`
      refused('a freeze by the agent', await gate.freeze(agent, environment), ofPeople)
      const held = await granted(trial, askFor(actions.allowed, { environment }))
      const { freezeId } = accepted('the freeze', await gate.freeze(operator, environment))
      const code = refused('lifting by the agent', await gate.unfreeze(agent, freezeId), ofPeople)
      refused('a use after it', await gate.redeem(agent, held.grant, held.ask, randomUUID()), ['frozen'])
      accepted('lifting by the operator', await gate.unfreeze(operator, freezeId))
      await usedAsApproved(trial, held)
      return `${code}; the freeze stood until an operator lifted it`
    },
  },
]
