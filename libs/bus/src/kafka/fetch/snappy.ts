import { BoundedOutput, UnpackError } from './bounded-output.ts'

/** `\x82SNAPPY\0`: how Java clients begin; others send one bare block. Two versions of 4 bytes follow. */
const javaMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const javaHeader = javaMagic.length + 8

/** Unpacks what Kafka clients send as Snappy. Throws UnpackError. */
export const unpackSnappy = (packed: Buffer, limit: number): Buffer => {
  const output = new BoundedOutput(limit, packed.length * 3)
  if (!packed.subarray(0, javaMagic.length).equals(javaMagic)) {
    unpackBlock(packed, output)
    return output.take()
  }
  for (let at = javaHeader; at < packed.length; ) {
    if (at + 4 > packed.length) throw new UnpackError('a Snappy chunk has no length')
    const end = at + 4 + packed.readUInt32BE(at)
    if (end > packed.length) throw new UnpackError('a Snappy chunk is cut off')
    unpackBlock(packed.subarray(at + 4, end), output)
    at = end
  }
  return output.take()
}

/** A number of `size` bytes, least significant first; zeros behind the end, where a literal or copy is found cut off. */
const littleEndian = (block: Buffer, at: number, size: number): number => {
  let value = 0
  for (let nth = 0; nth < size; nth += 1) value += (block[at + nth] ?? 0) * 2 ** (8 * nth)
  return value
}

const unpackBlock = (block: Buffer, output: BoundedOutput): void => {
  let at = 0
  let expected = 0
  for (let shift = 0; ; shift += 7) {
    const byte = block[at]
    at += 1
    if (byte === undefined || shift > 28) throw new UnpackError('a Snappy block has no length')
    expected += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  const end = output.length + expected
  while (at < block.length) {
    const tag = block[at] ?? 0
    at += 1
    if ((tag & 3) === 0) {
      const short = tag >> 2
      const size = short < 60 ? 0 : short - 59
      const length = (size === 0 ? short : littleEndian(block, at, size)) + 1
      at += size
      output.append(block, at, at + length)
      at += length
    } else if ((tag & 3) === 1) {
      output.repeat(((tag >> 5) << 8) | littleEndian(block, at, 1), ((tag >> 2) & 7) + 4)
      at += 1
    } else {
      const size = (tag & 3) === 2 ? 2 : 4
      output.repeat(littleEndian(block, at, size), (tag >> 2) + 1)
      at += size
    }
    if (output.length > end) break
  }
  if (output.length !== end) throw new UnpackError('a Snappy block is not as long as it says')
}
