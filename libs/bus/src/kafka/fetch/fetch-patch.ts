import kafkajs from 'kafkajs'
import fetch from 'kafkajs/src/protocol/requests/fetch/index.js'
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js'
import { readFetchResponse } from './fetch-response.ts'

/** The one whose answers are read here, and whose module is changed. */
const version = 11

const patched = Symbol.for('countersign.kafkajs.fetch-patch')

/**
 * Lets this process read what brokers answer to Fetch with `readFetchResponse` instead of kafkajs 2.2.4's own code.
 * That one throws for a batch in Snappy, LZ4 or Zstandard and overflows the stack on a batch of many records, either
 * of which ends a consumer for good; unpacks without a limit; takes quadratic time for the headers of a record; and
 * asks for a batch whose last records were compacted away once per missing record. Whoever may write a topic could stop
 * its consumers. Safe to repeat; answers whether kafkajs was found as expected.
 */
export const readFetchesSafely = (): boolean => {
  if (fetch[patched] === true) return true
  const choose = fetch.protocol
  if (typeof choose !== 'function' || typeof response.decode !== 'function') return false
  response.decode = readFetchResponse
  fetch.protocol = (choice) => {
    if (choice.version === version) return choose(choice)
    throw new kafkajs.KafkaJSNonRetriableError('the broker is older than Apache Kafka 2.3')
  }
  fetch[patched] = true
  return true
}
