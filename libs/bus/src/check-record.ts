import { busLimits, type OutboundRecord } from './bus.ts'

const topicName = /^[a-zA-Z0-9._-]{1,249}$/

/** Whether every driver can carry the text: PostgreSQL has no U+0000, UTF-8 no lone surrogates. */
const isCarriable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

/** Bytes that a record takes in a batch: key, value and headers. */
export const sizeOfRecord = (record: OutboundRecord): number => {
  let bytes = (record.value?.byteLength ?? 0) + (record.key === null ? 0 : Buffer.byteLength(record.key))
  for (const [name, value] of Object.entries(record.headers))
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
  return bytes
}

/**
 * Throws TypeError for a record that some driver could not carry. Checked before the record joins others in one send,
 * so that it cannot fail theirs.
 */
export const checkRecord = (record: OutboundRecord): void => {
  if (!topicName.test(record.topic)) throw new TypeError('a topic is 1 to 249 characters of [a-zA-Z0-9._-]')
  if (record.key !== null && !isCarriable(record.key)) throw new TypeError('a key has no U+0000 and no lone surrogate')
  for (const [name, value] of Object.entries(record.headers)) {
    if (typeof value !== 'string' || !isCarriable(name) || !isCarriable(value)) {
      throw new TypeError('a header is text without U+0000 and lone surrogates')
    }
  }
  if (sizeOfRecord(record) > busLimits.recordBytes) {
    throw new TypeError(`a record has at most ${busLimits.recordBytes} bytes with key and headers`)
  }
}
