import { accepted, holds, refused } from '../evidence.ts'
import type { Guarantee } from '../guarantee.ts'
import { actions, asked, askFor, inReview, one } from '../requests.ts'

export const aboutCallers: readonly Guarantee[] = [
  {
    id: 'G29',
    title: 'A request cannot approve itself',
    meaning: 'Nothing that a request says of its own approval, risk or reviewers is believed, or skipped over.',
    test: 'Requests that say that they are approved, harmless, or who approves them: refused. The same without it is taken.',
    check: async (trial) => {
      const { gate, cast } = trial
      const agent = one(cast, 'agent')
      const claims = [{ preApproved: true }, { state: 'approved' }, { risk: 'low' }, { reviewers: [] }]
      const ask = askFor(actions.reviewed)
      let code = ''
      for (const smuggled of claims) {
        const outcome = await gate.publish(agent, { ...ask, smuggled })
        code = refused(`a request that says ${Object.keys(smuggled).join()}`, outcome, [
          'unknown_field',
          'invalid_request',
        ])
      }
      await inReview(trial, ask)
      return code
    },
  },
  {
    id: 'G31',
    title: 'Nobody speaks for an agent that is not theirs',
    meaning: 'A request names its agent, and the name is checked against who is really asking.',
    test: 'A client of another tenant, and a name that nobody registered: refused. The agent itself is taken.',
    check: async (trial) => {
      const { gate, cast } = trial
      const ask = askFor(actions.allowed)
      const codes = ['agent_not_yours', 'unknown_producer']
      const code = refused(
        'a request in the name of the agent',
        await gate.publish(one(cast, 'foreignAgent'), ask),
        codes,
      )
      const nobodys = await gate.publish(one(cast, 'agent'), { ...ask, agent: 'nobody-registered-this' })
      refused('a request in a name that nobody registered', nobodys, codes)
      await asked(trial, ask)
      return code
    },
  },
  {
    id: 'G32',
    title: 'Who cannot prove who they are is nobody',
    meaning: 'There is no default identity: without a valid credential nothing is published, read or decided.',
    test: 'Requests without a credential, and with forged, expired and foreign ones: refused. With the agent’s own: taken.',
    check: async (trial) => {
      const { gate, cast } = trial
      const forged = Object.entries(one(cast, 'forged'))
      const ask = askFor(actions.allowed)
      const codes = ['token_missing', 'token_invalid', 'token_expired']
      refused('a request without a credential', await gate.publish(undefined, ask), codes)
      for (const [what, credential] of forged) {
        refused(`a request with a credential that is ${what}`, await gate.publish(credential, ask), codes)
      }
      const { intentId } = await asked(trial, ask)
      refused('reading without a credential', await gate.readIntent(undefined, intentId), codes)
      return `${forged.length + 1} of ${forged.length + 1} refused`
    },
  },
  {
    id: 'G35',
    title: 'Another tenant sees nothing',
    meaning: 'A client of another tenant can neither read nor use what is not theirs, nor find out that it exists.',
    test: 'A client of another tenant reads, withdraws and collects a request: refused, with the same answer as for one that does not exist.',
    check: async (trial) => {
      const { gate, cast } = trial
      const foreign = one(cast, 'foreignAgent')
      const { intentId } = await inReview(trial)
      const missing = intentId.replace(/[0-9a-f]{4}$/, (end) => (end === '0000' ? 'ffff' : '0000'))
      const codes = ['unknown_intent', 'not_found']
      for (const [what, attempt] of [
        ['reading', (id: string) => gate.readIntent(foreign, id)],
        ['withdrawing', (id: string) => gate.withdraw(foreign, id)],
        ['collecting', (id: string) => gate.collect(foreign, id)],
        ['reading the records', (id: string) => gate.readRecords(foreign, id)],
      ] as const) {
        const [theirs, nobodys] = [await attempt(intentId), await attempt(missing)]
        // Whatever the answer is: one that differs from that for nothing at all tells that there is something.
        holds(!theirs.accepted, `${what} by another tenant was accepted`)
        const isTold = theirs.text.replaceAll(intentId, '') !== nobodys.text.replaceAll(missing, '')
        holds(!isTold, `${what} tells what exists from what does not`)
        refused(what, theirs, codes)
      }
      accepted('reading by the agent', await gate.readIntent(one(cast, 'agent'), intentId))
      return 'as if it did not exist'
    },
  },
]
