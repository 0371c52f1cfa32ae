import { groups, topics } from '@countersign/contracts'
import { publishCommand, reportCommand } from '../record-refusal/command-of.ts'

/** Group of the subscription to one producer's topics. */
export const groupOfProducer = (producer: string): string => `${groups.intake}.${producer}`

/** Producer and command of a topic that producers write. */
export const writtenTo = (topic: string): { readonly producer: string; readonly command: string } => {
  for (const [prefix, command] of [
    [topics.intents(''), publishCommand],
    [topics.executions(''), reportCommand],
  ] as const)
    if (topic.startsWith(prefix)) return { producer: topic.slice(prefix.length), command }
  throw new Error('a record of a topic that no producer writes')
}
