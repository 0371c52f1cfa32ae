import { expect, it } from 'vitest'
import { production, withoutComments, type Problem, type Source } from './workspace.ts'

/**
 * kafkajs 2.2.4 gives the sequence number of a batch whose answer was lost to the next one, which the broker then takes
 * for a repetition: acknowledged, and not in the log. Transactions are idempotent too.
 */
const asks = /\b(idempotent|transactionalId)\b['"]?\]?\s*[:=,}]/

const problemsOf = (sources: readonly Source[]): Problem[] =>
  sources
    .filter(({ text }) => asks.test(withoutComments(text)))
    .map(({ path }) => `${path} asks kafkajs for an idempotent producer, which loses acknowledged records`)

it('has no producer that loses acknowledged records', () => {
  expect(problemsOf(production())).toEqual([])
})

it.each(['producer({ idempotent: true })', "options['idempotent'] = on", '{ transactionalId: id }', '{ idempotent }'])(
  'would find %s',
  (text) => {
    expect(problemsOf([{ path: 'libs/bus/src/kafka.ts', text }])).toHaveLength(1)
    expect(problemsOf([{ path: 'libs/bus/src/kafka.ts', text: `// ${text}` }])).toEqual([])
  },
)
