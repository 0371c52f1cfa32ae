import type { ICustomPartitioner } from 'kafkajs'

const [factor, seed] = [0x5bd1e995, 0x9747b28c]

/** MurmurHash2 of 32 bits as Java's client has it. kafkajs has it too, in time that grows with the square of the key. */
export const murmur2 = (bytes: Buffer): number => {
  let hash = seed ^ bytes.length
  const whole = bytes.length & ~3
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), factor)
    word = Math.imul(word ^ (word >>> 24), factor)
    hash = Math.imul(hash, factor) ^ word
  }
  const left = bytes.length - whole
  if (left === 3) hash ^= (bytes[whole + 2] ?? 0) << 16
  if (left >= 2) hash ^= (bytes[whole + 1] ?? 0) << 8
  if (left >= 1) hash = Math.imul(hash ^ (bytes[whole] ?? 0), factor)
  hash = Math.imul(hash ^ (hash >>> 13), factor)
  return (hash ^ (hash >>> 15)) | 0
}

/** Puts a key where Java's client puts it, and records without one on the partitions in turn, unless told a partition. */
export const partitionByKey: ICustomPartitioner = () => {
  let turn = Math.trunc(Math.random() * 0x1000)
  return ({ partitionMetadata, message: { key, partition } }) => {
    if (partition !== null && partition !== undefined) return partition
    if (key !== null && key !== undefined) {
      return (murmur2(Buffer.isBuffer(key) ? key : Buffer.from(key)) & 0x7fffffff) % partitionMetadata.length
    }
    turn += 1
    return turn % partitionMetadata.length
  }
}
