/** Castagnoli's polynomial, reflected (RFC 3720 appendix B.4). */
const polynomial = 0x82f63b78

/** Eight tables of 256: what a byte does to the checksum when 0 to 7 more bytes follow it. */
const tables = ((): Int32Array => {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    made[byte] = crc
  }
  for (let at = 256; at < made.length; at += 1) {
    const before = made[at - 256] ?? 0
    made[at] = (made[before & 0xff] ?? 0) ^ (before >>> 8)
  }
  return made
})()

const lookUp = (table: number, byte: number): number => tables[(table << 8) | (byte & 0xff)] as number

/** CRC-32C of bytes from `from` up to `to`, unsigned; eight bytes a step. */
export const crc32c = (bytes: Uint8Array, from = 0, to = bytes.length): number => {
  let crc = -1
  let at = from
  for (; at + 8 <= to; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24))
    crc =
      lookUp(7, low) ^
      lookUp(6, low >>> 8) ^
      lookUp(5, low >>> 16) ^
      lookUp(4, low >>> 24) ^
      lookUp(3, bytes[at + 4] as number) ^
      lookUp(2, bytes[at + 5] as number) ^
      lookUp(1, bytes[at + 6] as number) ^
      lookUp(0, bytes[at + 7] as number)
  }
  for (; at < to; at += 1) crc = lookUp(0, crc ^ (bytes[at] as number)) ^ (crc >>> 8)
  return ~crc >>> 0
}
