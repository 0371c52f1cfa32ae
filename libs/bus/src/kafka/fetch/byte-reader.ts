import { carriableText, isAsciiText } from './carriable-text.ts'

/** Thrown when bytes end before what they announce, or announce what cannot be. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes'
}

/** Reads the types of Kafka's protocol from bytes, in order. Every read beyond the end throws MalformedBytes. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  int8(): number {
    return this.#bytes.readInt8(this.#forward(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#forward(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#forward(4))
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#forward(8))
  }

  bytes(length: number): Buffer {
    const from = this.#forward(length)
    return this.#bytes.subarray(from, from + length)
  }

  rest(): Buffer {
    return this.bytes(this.left)
  }

  /** A zigzag number of up to 64 bits. One that no double holds exactly comes out rounded. */
  varint(): number {
    const first = this.#byte()
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    let value = first & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.#byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    return this.#longVarint(BigInt(value))
  }

  /** Bytes with their length before them; null when it is negative. */
  varintBytes(): Buffer | null {
    const length = this.varint()
    return length < 0 ? null : this.bytes(length)
  }

  /** The same as text: undefined when the bytes are none that every driver can carry. Quicker when it is the text expected. */
  varintText(expected?: string): string | null | undefined {
    const length = this.varint()
    if (length < 0) return null
    const from = this.#forward(length)
    return expected !== undefined && isAsciiText(this.#bytes, from, length, expected)
      ? expected
      : carriableText(this.#bytes, from, from + length)
  }

  /** Goes on after the four bytes that a number of 28 bits has. */
  #longVarint(low: bigint): number {
    let value = low
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)))
    }
    throw new MalformedBytes('a number that does not end')
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new MalformedBytes('the bytes end too early')
    this.#at += 1
    return byte
  }

  #forward(length: number): number {
    const from = this.#at
    if (length < 0 || from + length > this.#bytes.length) throw new MalformedBytes('the bytes end too early')
    this.#at = from + length
    return from
  }
}
