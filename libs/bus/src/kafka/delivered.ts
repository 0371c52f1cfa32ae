import type { DeliveredRecord, Position, ReasonCode } from '../bus.ts'
import { carriableText } from './fetch/carriable-text.ts'
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
  const key = message.key === null ? null : carriableText(message.key, 0, message.key.length)
  const headers = message.textHeaders
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
