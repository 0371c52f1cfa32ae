import { randomUUID } from 'node:crypto'
import { accepted, Broken, given, holds, refused } from '../evidence.ts'
import type { Recorded } from '../gate.ts'
import type { Guarantee, Trial } from '../guarantee.ts'
import { actions, approvedBy, askFor, decide, inReview, one, until } from '../requests.ts'

/** A whole life with a refusal at every step, and what was recorded of it. */
const refusedAtEveryStep = async (
  trial: Trial,
): Promise<{ codes: readonly string[]; records: readonly Recorded[]; auditor: string }> => {
  const { gate, cast } = trial
  const [agent, auditor] = [one(cast, 'agent'), one(cast, 'auditor')]
  const { intentId, reviewId, ask } = await inReview(trial)
  const early = refused('collecting before the decision', await gate.collect(agent, intentId), ['not_decided'])
  const own = refused('the yes of the owner', await decide(trial, one(cast, 'owner'), reviewId), ['owner_of_agent'])
  await approvedBy(trial, one(cast, 'reviewer'), reviewId)
  const late = refused('a no after the end', await decide(trial, one(cast, 'secondReviewer'), reviewId, 'deny'), [
    'review_closed',
  ])
  const grant = accepted('collecting', await gate.collect(agent, intentId))
  const elsewhere = { ...ask, target: `${ask.target}-backup` }
  const swapped = refused('a use elsewhere', await gate.redeem(agent, grant, elsewhere, randomUUID()), [
    'binding_mismatch',
    'target_mismatch',
  ])
  accepted('the use', await gate.redeem(agent, grant, ask, randomUUID()))
  const again = refused('a second use', await gate.redeem(agent, grant, ask, randomUUID()), ['already_redeemed'])
  accepted('the report', await gate.report(agent, grant.grantId))
  const records = accepted('reading the records', await gate.readRecords(auditor, intentId))
  return { codes: [early, own, late, swapped, again], records, auditor }
}

export const aboutRecords: readonly Guarantee[] = [
  {
    id: 'G33',
    title: 'Every attempt is recorded, the refused ones too',
    meaning: 'Who tried and was told no is as visible as who succeeded.',
    test: 'A request is refused something at every step of its life: each refusal is among the records with its code.',
    goesFirst: true,
    check: async (trial) => {
      const { codes, records } = await refusedAtEveryStep(trial)
      for (const code of codes) {
        holds(
          records.some((record) => record.code === code),
          `the refusal ${code} is not among the records`,
        )
      }
      return `${codes.length} of ${codes.length} refusals among ${records.length} records`
    },
  },
  {
    id: 'G34',
    title: 'Everything that was recorded can be proven',
    meaning:
      'Each record is an entry of a signed log. Whether it is there, unchanged, is checked without asking the gate to be honest.',
    test: 'The proof of every record of a request is verified here from its bytes, and does not verify for a forged entry.',
    goesFirst: true,
    check: async (trial) => {
      const { records, auditor } = await refusedAtEveryStep(trial)
      given(records.length >= 8, `there are only ${records.length} records`)
      for (const { recordId, event } of records) {
        const proven = await until(`the proof of ${event}`, trial, async () => {
          const outcome = await trial.gate.prove(auditor, recordId)
          return outcome.accepted ? outcome.value : undefined
        })
        if (!proven.holds) throw new Broken(`the proof of ${event} does not hold`)
        if (proven.holdsForged) throw new Broken(`the proof of ${event} holds for a forged entry too`)
      }
      return `${records.length} of ${records.length} records proven offline`
    },
  },
  {
    id: 'G36',
    title: 'No answer gives a secret away',
    meaning:
      'Parameters are sealed. What agents, auditors and refusals tell holds none of their values, and nobody is shown a secret.',
    test: 'A value and a secret are planted in the parameters; the answers of a whole life, refusals and records included, are searched.',
    check: async (trial) => {
      const { gate, cast } = trial
      const agent = one(cast, 'agent')
      const value = `planted-${randomUUID()}`
      const secret = `ghp_${randomUUID().replaceAll('-', '')}abcd`
      const ask = askFor(actions.reviewed, { parameters: { table: value, credential: secret } })
      const wrong = { ...ask, parameters: { table: value, credential: `${secret}e` } }
      const told: string[] = []
      const heard = <Outcome extends { readonly text: string }>(outcome: Outcome): Outcome => {
        told.push(outcome.text)
        return outcome
      }
      const key = randomUUID()
      const { intentId } = accepted('the request', heard(await gate.publish(agent, ask, key)))
      heard(await gate.publish(agent, wrong, key))
      heard(await gate.publish(agent, { ...ask, smuggled: { [secret]: value } }))
      const { reviewId } = accepted('reading the request', heard(await gate.readIntent(agent, intentId)))
      given(reviewId !== undefined, 'the request has no review')
      await approvedBy(trial, one(cast, 'reviewer'), reviewId ?? '')
      const shown = await gate.readReview(one(cast, 'reviewer'), reviewId ?? '')
      accepted('reading the review', shown)
      holds(!shown.text.includes(secret), 'a reviewer is shown the secret')
      const grant = accepted('collecting', heard(await gate.collect(agent, intentId)))
      refused('a use with another parameter', heard(await gate.redeem(agent, grant, wrong, randomUUID())), [
        'binding_mismatch',
        'parameters_mismatch',
      ])
      accepted('the use', heard(await gate.redeem(agent, grant, ask, randomUUID())))
      accepted('the records', heard(await gate.readRecords(one(cast, 'auditor'), intentId)))
      for (const text of told) holds(!text.includes(value) && !text.includes(secret), 'an answer holds a planted value')
      return `${told.length + 1} answers searched`
    },
  },
]
