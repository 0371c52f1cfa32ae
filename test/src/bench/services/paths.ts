import { topics } from '@countersign/contracts'
import type { Running } from '../../running.ts'
import { readIntent } from '../../stories.ts'
import type { Message, Path } from './line.ts'

const producer = 'etl'

const intentMessage = (id: string): Message => ({
  key: id,
  value: JSON.stringify({
    specversion: '1.0',
    id,
    source: '/bench',
    type: 'dev.countersign.ActionIntent.v1',
    datacontenttype: 'application/json',
    data: readIntent(),
  }),
  headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
})

type Outcome = { readonly data: { readonly state: string; readonly code?: string; readonly requestId?: string } }

/** The product's whole path: an allowed read as a record of its producer's topic, to the decision on the producer's own. */
export const productPath = (running: Running): Path => {
  if (running.kafka === undefined) throw new Error('the product is not on Kafka')
  return {
    kafka: running.kafka.as(producer),
    into: topics.intents(producer),
    outOf: topics.decisions(producer),
    groupPrefix: `${producer}.bench-`,
    message: intentMessage,
    answeredBy: (value) => {
      const { data } = JSON.parse(value.toString()) as Outcome
      // What nobody collects expires after some minutes; no round waits for that, nor for what was asked over HTTP.
      if (data.state === 'expired' || data.requestId === undefined) return undefined
      if (data.state !== 'allowed') throw new Error(`an intent is ${data.state}, not allowed: ${data.code}`)
      return data.requestId
    },
  }
}

/** Topics of the bare chain: the first is written by the driver, the last is read by it. */
export const hops = ['bench.hop.1', 'bench.hop.2', 'bench.hop.3'] as const

/** Three hops with the same records and nothing between them but a process that reads and writes. */
export const barePath = (running: Running): Path => {
  const [into, , outOf] = hops
  if (running.kafka === undefined) throw new Error('the product is not on Kafka')
  return {
    kafka: running.kafka.as('admin'),
    into,
    outOf,
    groupPrefix: 'bench-',
    message: intentMessage,
    answeredBy: (value) => (JSON.parse(value.toString()) as { readonly id: string }).id,
  }
}
