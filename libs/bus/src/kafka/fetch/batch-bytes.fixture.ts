/** A zigzag number of up to 31 bits. */
export const varint = (value: number): Buffer => {
  const bytes: number[] = []
  for (let left = ((value << 1) ^ (value >> 31)) >>> 0; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left])
    bytes.push((left & 0x7f) | 0x80)
  }
}

const withLength = (bytes: Buffer | null): Buffer =>
  bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])

export interface RecordBytes {
  readonly delta: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly headers?: readonly (readonly [name: Buffer, value: Buffer | null])[]
}

/** A record of a batch, as the protocol has it. */
export const recordBytes = ({ delta, key = null, value = null, headers = [] }: RecordBytes): Buffer => {
  const parts = [Buffer.from([0]), varint(0), varint(delta), withLength(key), withLength(value), varint(headers.length)]
  for (const [name, content] of headers) parts.push(withLength(name), withLength(content))
  return withLength(Buffer.concat(parts))
}

export interface BatchBytes {
  readonly firstOffset: number
  readonly lastDelta: number
  readonly records: number
  readonly body: Buffer
  readonly attributes?: number
  readonly magic?: number
}

/** A record batch of format 2 without its checksum, which consumers leave to the broker. */
export const batchBytes = ({
  firstOffset,
  lastDelta,
  records,
  body,
  attributes = 0,
  magic = 2,
}: BatchBytes): Buffer => {
  const head = Buffer.alloc(61)
  head.writeBigInt64BE(BigInt(firstOffset), 0)
  head.writeInt32BE(head.length - 12 + body.length, 8)
  head.writeInt8(magic, 16)
  head.writeInt16BE(attributes, 21)
  head.writeInt32BE(lastDelta, 23)
  head.writeBigInt64BE(-1n, 43)
  head.writeInt32BE(records, 57)
  return Buffer.concat([head, body])
}
