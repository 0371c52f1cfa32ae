import type { ReasonCode } from '../../bus.ts'
import { ByteReader, MalformedBytes } from './byte-reader.ts'
import { type BatchContext, FetchedMessage } from './fetched-message.ts'
import { unpack } from './unpack.ts'

/** What one batch may unpack to. The broker counts the packed size only: a megabyte can hold a thousand. */
const limits = { bytes: 16 << 20, records: 200_000 } as const

/** What a response may unpack to before the rest of it is left for the next one. */
const responseBytes = 64 << 20

/** What a record takes besides its own bytes, roughly. */
const recordOverhead = 200

const codecMask = 0x07
const transactional = 0x10
const control = 0x20
const recordsAt = 61

/** Counts what a response has unpacked to. */
export class Allowance {
  #left = responseBytes

  get isUsedUp(): boolean {
    return this.#left <= 0
  }

  spend(bytes: number, records: number): void {
    this.#left -= bytes + records * recordOverhead
  }
}

/** The header of a record batch of format 2, the only one since Kafka 0.11. */
interface Batch {
  readonly firstOffset: bigint
  readonly lastOffset: bigint
  readonly codec: number
  readonly firstTimestamp: number
  /** The time of all records when the broker set it. */
  readonly appendTime: number | undefined
  readonly records: number
  /** Whether it holds only marks of the broker, no records. */
  readonly isControl: boolean
  readonly context: BatchContext
  readonly body: Buffer
}

const appendTimeFlag = 0x08

const batchOf = (bytes: Buffer): Batch => {
  const attributes = bytes.readInt16BE(21)
  const firstOffset = bytes.readBigInt64BE(0)
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(bytes.readInt32BE(23)),
    codec: attributes & codecMask,
    firstTimestamp: Number(bytes.readBigInt64BE(27)),
    appendTime: (attributes & appendTimeFlag) === 0 ? undefined : Number(bytes.readBigInt64BE(35)),
    records: bytes.readInt32BE(57),
    context: {
      producerId: String(bytes.readBigInt64BE(43)),
      inTransaction: (attributes & transactional) !== 0,
    },
    isControl: (attributes & control) !== 0,
    body: bytes.subarray(recordsAt),
  }
}

const none = Buffer.alloc(0)

const noProducer: BatchContext = { producerId: '-1', inTransaction: false }

/** Stands for offsets without a record, up to this one, so that the consumer can go on behind them. */
const gapAt = (offset: bigint): FetchedMessage =>
  new FetchedMessage(
    { offset: String(offset), key: null, value: null, timestamp: 0, headers: none, isGap: true },
    noProducer,
  )

/** Stands for a batch that nobody can read, so that the consumer can set it aside and go on behind it. */
const unreadableBatch = (bytes: Buffer, lastOffset: bigint, unreadable: ReasonCode): FetchedMessage => {
  const timestamp = bytes.length < 43 ? 0 : Number(bytes.readBigInt64BE(35))
  const fields = { offset: String(lastOffset), key: null, value: bytes, timestamp, headers: none, unreadable }
  return new FetchedMessage(fields, noProducer)
}

const recordsOf = (bytes: Buffer, batch: Batch): FetchedMessage[] => {
  const reader = new ByteReader(bytes)
  const isSmall = batch.lastOffset <= BigInt(Number.MAX_SAFE_INTEGER)
  const firstOffset = Number(batch.firstOffset)
  const lastDelta = Number(batch.lastOffset - batch.firstOffset)
  const messages: FetchedMessage[] = []
  let before = -1
  for (let nth = 0; nth < batch.records; nth += 1) {
    const record = new ByteReader(reader.bytes(reader.varint()))
    record.int8()
    const timestamp = batch.appendTime ?? batch.firstTimestamp + record.varint()
    if (batch.appendTime !== undefined) record.varint()
    const delta = record.varint()
    if (delta <= before || delta > lastDelta) throw new MalformedBytes('an offset out of place')
    before = delta
    const offset = String(isSmall ? firstOffset + delta : batch.firstOffset + BigInt(delta))
    const [key, value] = [record.varintBytes(), record.varintBytes()]
    record.varint()
    const fields = { offset, key, value, timestamp, headers: record.rest(), isGap: batch.isControl }
    messages.push(new FetchedMessage(fields, batch.context))
  }
  return messages
}

/** The messages of a whole batch. Whatever is wrong with it ends in one that stands for all of them. */
const messagesOf = async (bytes: Buffer, allowance: Allowance): Promise<FetchedMessage[]> => {
  if (bytes.length < recordsAt || bytes[16] !== 2) {
    return [unreadableBatch(bytes, bytes.readBigInt64BE(0), 'batch_format_unknown')]
  }
  const batch = batchOf(bytes)
  try {
    if (batch.records < 0 || batch.records > limits.records) throw new MalformedBytes('too many records')
    const body = batch.codec === 0 ? batch.body : await unpack(batch.codec, batch.body, limits.bytes)
    const messages = recordsOf(body, batch)
    allowance.spend(body.length, messages.length)
    // Compaction takes records away, the last one too; without this kafkajs would ask for the batch again and again.
    if (messages.at(-1)?.offset !== String(batch.lastOffset)) messages.push(gapAt(batch.lastOffset))
    return messages
  } catch {
    return [unreadableBatch(bytes, batch.lastOffset, 'batch_unreadable')]
  }
}

/** Bytes of a batch before those that its length counts. */
const lengthEndsAt = 12

/** The messages of the batches that a partition answered. The last batch may be cut off: it comes again. */
export const readBatches = async (bytes: Buffer, allowance: Allowance): Promise<FetchedMessage[]> => {
  let messages: FetchedMessage[] = []
  for (let at = 0; at + lengthEndsAt <= bytes.length && !allowance.isUsedUp; ) {
    const end = at + lengthEndsAt + bytes.readInt32BE(at + 8)
    if (end > bytes.length || end < at + lengthEndsAt) break
    const own = await messagesOf(bytes.subarray(at, end), allowance)
    messages = messages.length === 0 ? own : messages.concat(own)
    at = end
  }
  return messages
}
