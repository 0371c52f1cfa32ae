import { BoundedOutput, UnpackError } from './bounded-output.ts'

const frameMagic = 0x184d2204

/** What a frame's header says: whether checksums and sizes are there, and where the blocks begin. */
interface Frame {
  readonly blockChecksums: boolean
  readonly blocksAt: number
}

const readFrame = (packed: Buffer): Frame => {
  if (packed.length < 7 || packed.readUInt32LE(0) !== frameMagic) throw new UnpackError('not an LZ4 frame')
  const flags = packed[4] ?? 0
  if (flags >> 6 !== 1) throw new UnpackError('an LZ4 frame of another version')
  const contentSize = (flags & 0x08) === 0 ? 0 : 8
  const dictionary = (flags & 0x01) === 0 ? 0 : 4
  return { blockChecksums: (flags & 0x10) !== 0, blocksAt: 7 + contentSize + dictionary }
}

/** Unpacks one LZ4 frame, as Kafka clients send it. Checksums are the broker's to check. Throws UnpackError. */
export const unpackLz4 = (packed: Buffer, limit: number): Buffer => {
  const { blockChecksums, blocksAt } = readFrame(packed)
  const output = new BoundedOutput(limit, packed.length * 3)
  for (let at = blocksAt; ; ) {
    if (at + 4 > packed.length) throw new UnpackError('an LZ4 frame is cut off')
    const word = packed.readUInt32LE(at)
    if (word === 0) return output.take()
    const [isPlain, end] = [word >= 0x8000_0000, at + 4 + (word & 0x7fff_ffff)]
    if (end > packed.length) throw new UnpackError('an LZ4 block is cut off')
    if (isPlain) output.append(packed, at + 4, end)
    else unpackBlock(packed.subarray(at + 4, end), output)
    at = end + (blockChecksums ? 4 : 0)
  }
}

const unpackBlock = (block: Buffer, output: BoundedOutput): void => {
  let at = 0
  /** A length whose first four bits are in the token goes on in bytes of 255. */
  const lengthOf = (bits: number): number => {
    let length = bits
    if (bits < 15) return length
    for (;;) {
      const byte = block[at]
      at += 1
      if (byte === undefined) throw new UnpackError('an LZ4 length is cut off')
      length += byte
      if (byte < 255) return length
    }
  }
  while (at < block.length) {
    const token = block[at] ?? 0
    at += 1
    const literal = lengthOf(token >> 4)
    output.append(block, at, at + literal)
    at += literal
    // The last sequence of a block has no match.
    if (at >= block.length) return
    const distance = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8)
    at += 2
    output.repeat(distance, lengthOf(token & 15) + 4)
  }
}
