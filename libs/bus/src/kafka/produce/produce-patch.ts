import { createRequire } from 'node:module'
import { type ProduceData, produceRequest } from './produce-request.ts'

const version = 7
/** What kafkajs names where a producer is not idempotent. */
const noProducer = -1

interface ProduceCall extends ProduceData {
  readonly transactionalId?: string | null
  readonly producerId?: unknown
  readonly compression?: number
}

interface Encoded {
  writeBuffer(bytes: Buffer): Encoded
}

interface Produce {
  protocol: (choice: { readonly version: number }) => (call: ProduceCall) => {
    readonly request: { encode: () => Promise<unknown> }
  }
  [patched]?: true
}

const patched = Symbol.for('countersign.kafkajs.produce-patch')

/** Whether a request is of the kind that this driver makes: kafkajs writes all others itself. */
const isPlain = ({ producerId, compression, topicData, ...call }: ProduceCall): boolean =>
  (call.transactionalId ?? null) === null &&
  (producerId === undefined || producerId === noProducer) &&
  (compression ?? 0) === 0 &&
  topicData.every(({ partitions }) =>
    partitions.every(({ messages }) =>
      messages.every(
        (message) =>
          !('timestamp' in message && message.timestamp !== undefined) &&
          Object.values(message.headers ?? {}).every((value) => !Array.isArray(value)),
      ),
    ),
  )

/**
 * Lets this process write Produce requests with `produceRequest`: kafkajs 2.2.4 makes several encoders, each with a buffer
 * of its own, for each record, which was more than half of what publishing cost. Safe to repeat; answers whether kafkajs was
 * found as expected.
 */
export const writeProducesQuickly = (): boolean => {
  const load = createRequire(import.meta.url)
  const produce: Produce = load('kafkajs/src/protocol/requests/produce/index.js')
  const Encoder: new (size: number) => Encoded = load('kafkajs/src/protocol/encoder.js')
  if (produce[patched] === true) return true
  const choose = produce.protocol
  if (typeof choose !== 'function' || typeof Encoder.prototype.writeBuffer !== 'function') return false
  const encoded = (bytes: Buffer): Encoded => new Encoder(bytes.length).writeBuffer(bytes)
  produce.protocol = (choice) => {
    const make = choose(choice)
    if (choice.version !== version) return make
    return (call) => {
      const made = make(call)
      if (isPlain(call)) {
        made.request.encode = () => Promise.resolve(encoded(produceRequest(call, Date.now())))
      }
      return made
    }
  }
  produce[patched] = true
  return true
}
