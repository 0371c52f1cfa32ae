import { createRequire } from 'node:module'
import kafkajs from 'kafkajs'
import { type FetchResponse, readFetchResponse } from './fetch-response.ts'

const version = 11

interface ResponseReader {
  decode: (bytes: Buffer) => Promise<FetchResponse>
}

interface Fetch {
  protocol: (choice: { readonly version: number }) => unknown
  [patched]?: true
}

const patched = Symbol.for('countersign.kafkajs.fetch-patch')

/**
 * Lets this process read what brokers answer to Fetch with `readFetchResponse` instead of kafkajs 2.2.4's own code.
 * That one throws for a batch in Snappy, LZ4 or Zstandard and overflows the stack on a batch of many records, either
 * of which ends a consumer for good; unpacks without a limit; takes quadratic time for the headers of a record; and
 * asks for a batch whose last records were compacted away once per missing record. Whoever may write a topic could stop
 * its consumers. Safe to repeat; answers whether kafkajs was found as expected.
 */
export const readFetchesSafely = (): boolean => {
  const load = createRequire(import.meta.url)
  const fetch: Fetch = load('kafkajs/src/protocol/requests/fetch/index.js')
  const response: ResponseReader = load(`kafkajs/src/protocol/requests/fetch/v${version}/response.js`)
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
