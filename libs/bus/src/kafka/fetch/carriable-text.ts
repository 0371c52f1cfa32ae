import { isUtf8 } from 'node:buffer'

/** Names, ids and MACs are shorter than this: looking at each of their bytes takes less time than asking the runtime thrice. */
const SHORT = 96

/** The text of these bytes; undefined when it is none that every driver can carry: no UTF-8, or with U+0000 in it. */
export const carriableText = (bytes: Buffer, from: number, to: number): string | undefined => {
  if (to - from > SHORT) return anyText(bytes.subarray(from, to))
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number
    if (byte === 0) return undefined
    if (byte > 0x7f) return anyText(bytes.subarray(from, to))
  }
  return bytes.toString('latin1', from, to)
}

const anyText = (bytes: Buffer): string | undefined =>
  isUtf8(bytes) && !bytes.includes(0) ? bytes.toString() : undefined

/** Whether these bytes are this text, letter by letter; false also for one that is not ASCII. */
export const isAsciiText = (bytes: Buffer, from: number, length: number, text: string): boolean => {
  if (text.length !== length) return false
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[from + at] as number
    if (byte !== text.charCodeAt(at) || byte > 0x7f) return false
  }
  return true
}
