import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { DeliveredRecord, Position, ReasonCode } from '../bus.ts'

/** Where a record stands: partition and offset, both decimal. */
export interface Coordinates {
  readonly partition: number
  readonly offset: string
}

export const positionAt = ({ partition, offset }: Coordinates): Position => `${partition}:${offset}`

/** Throws TypeError when the position is not one that this driver gave. */
export const coordinatesOf = (position: Position): Coordinates => {
  const [, partition, offset] = /^(\d{1,9}):(\d{1,19})$/.exec(position) ?? []
  if (partition === undefined || offset === undefined) throw new TypeError('not a position of this bus')
  return { partition: Number(partition), offset }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of a key or header; undefined when the bytes are none that every driver can carry. */
const textOf = (bytes: Buffer | string): string | undefined => {
  if (typeof bytes === 'string') return bytes.includes('\0') ? undefined : bytes
  if (bytes.includes(0)) return undefined
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Of a name that comes more than once the last one counts, as in Kafka's own `lastHeader`. */
const headersOf = (headers: IHeaders | undefined): Record<string, string> | undefined => {
  const texts: [name: string, value: string][] = []
  for (const [name, given] of Object.entries(headers ?? {})) {
    const last = Array.isArray(given) ? given.at(-1) : given
    const value = textOf(last ?? '')
    if (value === undefined || textOf(name) === undefined) return undefined
    texts.push([name, value])
  }
  return Object.fromEntries(texts)
}

/** A record as taken from a partition; `unfit` says why no handler can have it: others may write what we never would. */
export interface Taken {
  readonly record: DeliveredRecord
  readonly unfit: ReasonCode | undefined
}

/** The record of a Kafka message. What is not text is left out of an unfit record, its value is kept. */
export const takenFrom = (topic: string, partition: number, message: KafkaMessage): Taken => {
  const key = message.key === null ? null : textOf(message.key)
  const headers = headersOf(message.headers)
  const unfit = key === undefined ? 'key_not_text' : headers === undefined ? 'header_not_text' : undefined
  const record: DeliveredRecord = {
    topic,
    key: key ?? null,
    value: message.value,
    headers: headers ?? {},
    position: positionAt({ partition, offset: message.offset }),
    timestamp: new Date(Math.max(0, Number(message.timestamp))).toISOString(),
  }
  return { record, unfit }
}
