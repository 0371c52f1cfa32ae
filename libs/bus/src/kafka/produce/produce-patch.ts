import Encoder from 'kafkajs/src/protocol/encoder.js'
import produce from 'kafkajs/src/protocol/requests/produce/index.js'
import { type ProduceCall, produceRequest } from './produce-request.ts'

const version = 7
/** What kafkajs names where a producer is not idempotent. */
const noProducer = -1

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
  if (produce[patched] === true) return true
  const choose = produce.protocol
  if (typeof choose !== 'function' || typeof Encoder.prototype.writeBuffer !== 'function') return false
  const encoded = (bytes: Buffer): unknown => new Encoder(bytes.length).writeBuffer(bytes)
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
