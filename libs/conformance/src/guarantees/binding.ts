import { randomUUID } from 'node:crypto'
import { accepted, given, holds, refused } from '../evidence.ts'
import type { ConcreteAction } from '../gate.ts'
import type { Guarantee, Trial } from '../guarantee.ts'
import { actions, askFor, granted, one, stateOf, usedAsApproved } from '../requests.ts'

/** What is about to run differs in one field: refused, the grant stays good, and it runs as approved. */
const runsOnlyAsApproved = async (
  trial: Trial,
  what: string,
  change: (action: ConcreteAction) => ConcreteAction,
  codes: readonly string[],
): Promise<string> => {
  const { gate, cast } = trial
  const held = await granted(trial)
  const { action, target, environment, parameters } = held.ask
  const changed = change({ action, target, environment, parameters })
  const outcome = await gate.redeem(one(cast, 'agent'), held.grant, changed, randomUUID())
  const code = refused(`a grant for another ${what}`, outcome, codes)
  const state = await stateOf(trial, held.intentId)
  holds(state === 'granted', `after the refused use the request is ${state}`)
  await usedAsApproved(trial, held)
  return `${code}; as approved it ran`
}

const meaning = (what: string): string =>
  `Between the yes and the run ${what} cannot be swapped: the grant is bound to the digest of exactly what was approved.`
const test = (what: string): string =>
  `A grant is used with ${what}: refused, not used up. Used as approved it is accepted, so the refusal was about that field.`

/** Each bound field has a code of its own; what is left is a mismatch. */
const mismatch = (field: string): readonly string[] => ['binding_mismatch', `${field}_mismatch`]

export const aboutBinding: readonly Guarantee[] = [
  {
    id: 'G07',
    title: 'A grant does not run with another parameter',
    meaning: meaning('a parameter'),
    test: test('one character of one parameter changed, with a parameter more and with one less'),
    check: async (trial) => {
      const codes = mismatch('parameters')
      await runsOnlyAsApproved(
        trial,
        'set of parameters',
        (action) => ({ ...action, parameters: { ...action.parameters, force: 'yes' } }),
        codes,
      )
      await runsOnlyAsApproved(
        trial,
        'set of parameters',
        (action) => ({ ...action, parameters: { table: 'customers' } }),
        codes,
      )
      const swapped = { table: 'customers', bucket: 'partneR' }
      return runsOnlyAsApproved(trial, 'parameter', (action) => ({ ...action, parameters: swapped }), codes)
    },
  },
  {
    id: 'G08',
    title: 'A grant does not run on another target',
    meaning: meaning('the target'),
    test: test('another target'),
    check: (trial) =>
      runsOnlyAsApproved(
        trial,
        'target',
        (action) => ({ ...action, target: `${action.target}-backup` }),
        mismatch('target'),
      ),
  },
  {
    id: 'G09',
    title: 'A grant does not run in another environment',
    meaning: meaning('the environment'),
    test: test('another environment'),
    check: (trial) =>
      runsOnlyAsApproved(
        trial,
        'environment',
        (action) => ({ ...action, environment: 'production' }),
        mismatch('environment'),
      ),
  },
  {
    id: 'G10',
    title: 'A grant does not run another action',
    meaning: meaning('the action'),
    test: test('another action'),
    check: (trial) =>
      runsOnlyAsApproved(trial, 'action', (action) => ({ ...action, action: actions.forbidden }), mismatch('action')),
  },
  {
    id: 'G17',
    title: 'A grant opens no other request',
    meaning: 'A yes to one request cannot be carried to another, however alike they are.',
    test: 'Two requests have a grant each; the one is used with the token of the other: refused. With its own it is accepted.',
    check: async (trial) => {
      const { gate, cast } = trial
      const first = await granted(trial)
      const second = await granted(trial)
      const crossed = { grantId: second.grant.grantId, secret: first.grant.secret }
      const outcome = await gate.redeem(one(cast, 'agent'), crossed, second.ask, randomUUID())
      const code = refused('the grant of another request', outcome, [
        'unknown_grant',
        'wrong_executor',
        'token_invalid',
        'binding_mismatch',
        'grant_mismatch',
        'intent_mismatch',
      ])
      await usedAsApproved(trial, second)
      return `${code}; with its own token it ran`
    },
  },
  {
    id: 'G30',
    title: 'A key belongs to one request',
    meaning:
      'Sending a request again gives the same request; sending another under its key gives an error, never the old yes.',
    test: 'The same request twice under one key: the same request. Another one under that key: refused.',
    check: async (trial) => {
      const { gate, cast } = trial
      const agent = one(cast, 'agent')
      const ask = askFor(actions.allowed)
      const key = randomUUID()
      const first = accepted('the request', await gate.publish(agent, ask, key))
      const again = accepted('the request again', await gate.publish(agent, ask, key))
      holds(again.intentId === first.intentId, 'the same request under the same key became another')
      const larger = { ...ask, parameters: { ...ask.parameters, table: 'everything' } }
      const code = refused('another request under the key', await gate.publish(agent, larger, key), ['id_conflict'])
      const other = accepted(
        'the other request under a key of its own',
        await gate.publish(agent, larger, randomUUID()),
      )
      given(other.intentId !== first.intentId, 'two requests got one id')
      return `${code}; under a key of its own it was taken`
    },
  },
]
