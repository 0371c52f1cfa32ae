import type { IHeaders } from 'kafkajs'
import type { ReasonCode } from '../../bus.ts'
import { ByteReader } from './byte-reader.ts'

/** What the records of a batch share. */
export interface BatchContext {
  readonly producerId: string
  readonly inTransaction: boolean
}

export interface MessageFields {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
  /** Name and value of each header one after the other, as they were sent. */
  readonly headers: Buffer
  /** Why nobody can have the records of a batch that this message stands for; `value` is then the batch's bytes. */
  readonly unreadable?: ReasonCode
  /** Whether it is no record: the marker of a transaction's end, or the place of records that were compacted away. */
  readonly isGap?: boolean
}

/**
 * A message as kafkajs expects it. Headers are taken apart only when somebody asks for them. Gaps are handed on like
 * records, because only what is handed on moves the group forward.
 */
export class FetchedMessage {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly batchContext: BatchContext
  readonly unreadable: ReasonCode | undefined
  readonly isGap: boolean
  /** Milliseconds since 1970, as the producer or the broker claims. */
  readonly time: number
  readonly #headers: Buffer

  constructor(fields: MessageFields, context: BatchContext) {
    this.offset = fields.offset
    this.key = fields.key
    this.value = fields.value
    this.batchContext = context
    this.unreadable = fields.unreadable
    this.isGap = fields.isGap ?? false
    this.time = fields.timestamp
    this.#headers = fields.headers
  }

  get timestamp(): string {
    return String(this.time)
  }

  /** What it takes of a batch, in bytes. */
  get size(): number {
    return (this.key?.length ?? 0) + (this.value?.length ?? 0) + this.#headers.length
  }

  /**
   * Headers as text; undefined when one is not text that every driver can carry, or they end too early. Of a name that comes
   * more than once the last one counts, as in Kafka's own `lastHeader`. An absent value is an empty one.
   */
  get textHeaders(): Record<string, string> | undefined {
    if (this.#headers.length === 0) return {}
    const reader = new ByteReader(this.#headers)
    const texts: [name: string, value: string][] = []
    try {
      while (!reader.isAtEnd) {
        const name = reader.varintText(lastNames[texts.length])
        const value = reader.varintText()
        if (name === undefined || value === undefined) return undefined
        if (name !== null && name.length <= LONGEST_NAME && texts.length < MOST_NAMES) lastNames[texts.length] = name
        texts.push([name ?? '', value ?? ''])
      }
    } catch {
      return undefined
    }
    return Object.fromEntries(texts)
  }

  /** Headers in the order in which they were sent. Throws MalformedBytes. */
  *#eachHeader(): Generator<readonly [name: Buffer, value: Buffer | null]> {
    const reader = new ByteReader(this.#headers)
    while (!reader.isAtEnd) yield [reader.varintBytes() ?? empty, reader.varintBytes()]
  }

  get headers(): IHeaders {
    const headers: IHeaders = Object.create(null)
    for (const [name, value] of this.#eachHeader()) headers[name.toString()] = value ?? empty
    return headers
  }
}

const empty = Buffer.alloc(0)

/** Names of the headers of the record before, in their order: those of the next one are mostly the same. */
const lastNames: string[] = []
const MOST_NAMES = 16
const LONGEST_NAME = 64
