import { ByteReader } from './byte-reader.ts'
import type { FetchedMessage } from './fetched-message.ts'
import { Allowance, readBatches } from './record-batch.ts'

interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[]
  readonly preferredReadReplica: number
  readonly messages: readonly FetchedMessage[]
}

/** A response to Fetch as kafkajs has it. */
export interface FetchResponse {
  /** How long kafkajs waits before it asks again; the broker has not throttled this one. */
  readonly throttleTime: 0
  readonly clientSideThrottleTime: number
  readonly errorCode: number
  readonly sessionId: number
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[]
}

/** Elements in order; an absent array is an empty one. */
const arrayOf = async <Element>(reader: ByteReader, read: () => Element | Promise<Element>): Promise<Element[]> => {
  const elements: Element[] = []
  for (let left = reader.int32(); left > 0; left -= 1) elements.push(await read())
  return elements
}

const partitionOf = async (reader: ByteReader, allowance: Allowance): Promise<FetchedPartition> => {
  const [partition, errorCode] = [reader.int32(), reader.int16()]
  const [highWatermark, lastStableOffset] = [String(reader.int64()), String(reader.int64())]
  reader.int64()
  const abortedTransactions = await arrayOf(reader, () => ({
    producerId: String(reader.int64()),
    firstOffset: String(reader.int64()),
  }))
  const preferredReadReplica = reader.int32()
  const batches = reader.bytes(Math.max(0, reader.int32()))
  const messages = await readBatches(batches, allowance)
  return { partition, errorCode, highWatermark, lastStableOffset, abortedTransactions, preferredReadReplica, messages }
}

/** Reads a response to Fetch, version 11. */
export const readFetchResponse = async (bytes: Buffer): Promise<FetchResponse> => {
  const reader = new ByteReader(bytes)
  const allowance = new Allowance()
  const [clientSideThrottleTime, errorCode, sessionId] = [reader.int32(), reader.int16(), reader.int32()]
  const responses = await arrayOf(reader, async () => ({
    topicName: reader.bytes(reader.int16()).toString(),
    partitions: await arrayOf(reader, () => partitionOf(reader, allowance)),
  }))
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses }
}
