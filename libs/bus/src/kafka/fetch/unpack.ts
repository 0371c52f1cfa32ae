import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { UnpackError } from './bounded-output.ts'
import { unpackLz4 } from './lz4.ts'
import { unpackSnappy } from './snappy.ts'

const gunzip = promisify(zlib.gunzip)
/** Node has it since 22.15. */
const zstd = zlib.zstdDecompress === undefined ? undefined : promisify(zlib.zstdDecompress)

type Unpack = (packed: Buffer, limit: number) => Promise<Buffer> | Buffer

/** By the number that a record batch has for its codec. */
const codecs: ReadonlyMap<number, Unpack> = new Map<number, Unpack>([
  [1, (packed, limit) => gunzip(packed, { maxOutputLength: limit })],
  [2, unpackSnappy],
  [3, unpackLz4],
  ...(zstd === undefined
    ? []
    : [[4, (packed: Buffer, limit: number) => zstd(packed, { maxOutputLength: limit })] as const]),
])

/** Unpacks bytes of a codec to at most `limit` bytes; rejects when they are more, or not what they say they are. */
export const unpack = async (codec: number, packed: Buffer, limit: number): Promise<Buffer> => {
  const by = codecs.get(codec)
  if (by === undefined) throw new UnpackError('a codec that is not known')
  return by(packed, limit)
}
