import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { accepted, Broken, holds, refused } from '../evidence.ts'
import type { Guarantee } from '../guarantee.ts'
import { actions, askFor, granted, one, stateOf, usedAsApproved } from '../requests.ts'

const atOnce = 16
/** The grant of the policy's shortest rule, and a little more. */
const briefMs = 1_100

export const aboutGrants: readonly Guarantee[] = [
  {
    id: 'G12',
    title: 'A grant is used once',
    meaning: 'One yes is one run. Whoever keeps the grant has nothing.',
    test: 'A grant is used as approved, then again: the second is refused.',
    check: async (trial) => {
      const held = await granted(trial)
      await usedAsApproved(trial, held)
      const again = await trial.gate.redeem(one(trial.cast, 'agent'), held.grant, held.ask, randomUUID())
      return refused('a second use', again, ['already_redeemed'])
    },
  },
  {
    id: 'G13',
    title: 'Of uses at the same moment one succeeds',
    meaning: 'Racing does not multiply a grant.',
    test: `${atOnce} uses of one grant are sent at once: one is accepted, every other refused as used.`,
    check: async (trial) => {
      const held = await granted(trial)
      const agent = one(trial.cast, 'agent')
      const outcomes = await Promise.all(
        Array.from({ length: atOnce }, () => trial.gate.redeem(agent, held.grant, held.ask, randomUUID())),
      )
      const won = outcomes.filter((outcome) => outcome.accepted).length
      if (won > 1) throw new Broken(`${won} of ${atOnce} uses were accepted`)
      for (const outcome of outcomes) if (!outcome.accepted) refused('a use', outcome, ['already_redeemed'])
      accepted(
        'every use',
        outcomes.find((outcome) => outcome.accepted) ?? { accepted: false, code: 'no_success', text: '' },
      )
      return `1 of ${atOnce} accepted`
    },
  },
  {
    id: 'G14',
    title: 'A use that is sent again is the same use',
    meaning: 'An executor that lost the answer asks again and learns what happened; it does not get a second run.',
    test: 'One use is sent twice under one id: the same receipt. It is sent again for another target: refused.',
    check: async (trial) => {
      const { gate, cast } = trial
      const { grant, ask, intentId } = await granted(trial)
      const agent = one(cast, 'agent')
      const use = randomUUID()
      const first = accepted('the use', await gate.redeem(agent, grant, ask, use))
      const again = accepted('the same use again', await gate.redeem(agent, grant, ask, use))
      holds(first.receiptId === again.receiptId, 'the same use got a second receipt')
      const elsewhere = { ...ask, target: `${ask.target}-backup` }
      const code = refused('the same use of something else', await gate.redeem(agent, grant, elsewhere, use), [
        'binding_mismatch',
        'target_mismatch',
      ])
      const state = await stateOf(trial, intentId)
      holds(state === 'redeemed', `after one use the request is ${state}`)
      return `one receipt; for something else ${code}`
    },
  },
  {
    id: 'G15',
    title: 'A grant that has ended is not used',
    meaning: 'A yes is good for minutes. A grant that lies around is worth nothing.',
    test: 'A grant that is good for a second is used after it: refused. Another of the same kind is used in time: accepted.',
    check: async (trial) => {
      const agent = one(trial.cast, 'agent')
      const late = await granted(trial, askFor(actions.brief))
      await usedAsApproved(trial, await granted(trial, askFor(actions.brief)))
      await delay(briefMs, undefined, { signal: trial.signal })
      const outcome = await trial.gate.redeem(agent, late.grant, late.ask, randomUUID())
      return `${refused('a use after the end', outcome, ['grant_expired'])}; in time it ran`
    },
  },
  {
    id: 'G16',
    title: 'Only its executor uses a grant',
    meaning: 'A stolen grant is worth nothing to another client, not even of the same tenant.',
    test: 'Another client of the tenant collects and uses the grant of the agent: refused both times. The agent then uses it.',
    check: async (trial) => {
      const { gate, cast } = trial
      const another = one(cast, 'anotherAgent')
      const held = await granted(trial)
      const codes = ['wrong_executor', 'unknown_grant', 'unknown_intent']
      refused('collecting by another client', await gate.collect(another, held.intentId), codes)
      const code = refused(
        'a use by another client',
        await gate.redeem(another, held.grant, held.ask, randomUUID()),
        codes,
      )
      await usedAsApproved(trial, held)
      return `${code}; its executor used it`
    },
  },
  {
    id: 'G18',
    title: 'A revoked grant is not used',
    meaning: 'Whoever takes a yes back is heard at once, without waiting for a message to arrive.',
    test: 'A grant is revoked and used right after: refused. One that was not revoked is used: accepted.',
    check: async (trial) => {
      const { gate, cast } = trial
      const agent = one(cast, 'agent')
      const held = await granted(trial)
      accepted('revoking', await gate.revoke(agent, held.grant.grantId))
      const code = refused('a revoked grant', await gate.redeem(agent, held.grant, held.ask, randomUUID()), [
        'grant_revoked',
      ])
      await usedAsApproved(trial, await granted(trial))
      return code
    },
  },
  {
    id: 'G37',
    title: 'A run without a used grant is refused and seen',
    meaning: 'Somebody who runs first and reports afterwards is told no, and what they tried is on record.',
    test: 'A run is reported for a grant that was not used: refused, and the attempt is among the records. After the use it is taken.',
    goesFirst: true,
    check: async (trial) => {
      const { gate, cast } = trial
      const agent = one(cast, 'agent')
      const held = await granted(trial)
      const code = refused('the report', await gate.report(agent, held.grant.grantId), ['not_redeemed'])
      const records = accepted('reading the records', await gate.readRecords(one(cast, 'auditor'), held.intentId))
      holds(
        records.some((record) => record.code === code),
        'the attempt is not among the records',
      )
      await usedAsApproved(trial, held)
      accepted('the report after the use', await gate.report(agent, held.grant.grantId))
      return `${code}, recorded; after the use it was taken`
    },
  },
]
