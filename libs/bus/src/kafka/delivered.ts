import { isAscii, isUtf8 } from 'node:buffer'
import type { DeliveredRecord, Position, ReasonCode } from '../bus.ts'
import type { FetchedMessage } from './fetch/fetched-message.ts'

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

/** The text of a key or header; undefined when the bytes are none that every driver can carry. */
const textOf = (bytes: Buffer): string | undefined => {
  if (isAscii(bytes)) return bytes.includes(0) ? undefined : bytes.toString('latin1')
  return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString() : undefined
}

/**
 * Headers as text; undefined when they are none. Of a name that comes more than once the last one counts, as in
 * Kafka's own `lastHeader`. An absent value is an empty one.
 */
const headersOf = (message: FetchedMessage): Record<string, string> | undefined => {
  if (!message.hasHeaders) return {}
  const texts: [name: string, value: string][] = []
  try {
    for (const [nameBytes, valueBytes] of message.eachHeader()) {
      const [name, value] = [textOf(nameBytes), valueBytes === null ? '' : textOf(valueBytes)]
      if (name === undefined || value === undefined) return undefined
      texts.push([name, value])
    }
  } catch {
    return undefined
  }
  return Object.fromEntries(texts)
}

/** A producer may claim any time at all; a later one has no ISO form of four digits for its year. */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Records that follow each other often have the same time: all of a batch when the broker sets it. */
const isoTimes = (): ((time: number) => string) => {
  let [known, text] = [-1, '']
  return (time) => {
    const claimed = Math.min(latest, Math.max(0, Math.trunc(time)))
    if (claimed !== known) [known, text] = [claimed, new Date(claimed).toISOString()]
    return text
  }
}

const isoTime = isoTimes()

/** A record as taken from a partition; `unfit` says why no handler can have it: others may write what we never would. */
export interface Taken {
  readonly record: DeliveredRecord
  readonly unfit: ReasonCode | undefined
}

/** The record of a message. What is not text is left out of an unfit record, its value is kept. */
export const takenFrom = (topic: string, partition: number, message: FetchedMessage): Taken => {
  const key = message.key === null ? null : textOf(message.key)
  const headers = headersOf(message)
  const notText = key === undefined ? 'key_not_text' : headers === undefined ? 'header_not_text' : undefined
  const record: DeliveredRecord = {
    topic,
    key: key ?? null,
    value: message.value,
    headers: headers ?? {},
    position: positionAt({ partition, offset: message.offset }),
    timestamp: isoTime(message.time),
  }
  return { record, unfit: message.unreadable ?? notText }
}
