import type { Canaries, Canary } from './canaries.ts'

/** Bytes that somebody could read, and what they are. */
export type Surface = { readonly name: string; readonly bytes: Uint8Array }

export type Hit = { readonly surface: string; readonly how: string; readonly place: string; readonly kind: string }

type Needle = { readonly how: string; readonly bytes: Buffer; readonly canary?: Canary }

/** What is certain of the Base64 of a text, whatever stands before and behind it: three alignments. */
const base64Needles = (text: string): Buffer[] =>
  [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(`${'\0'.repeat(shift)}${text}`).toString('base64')
    const first = shift === 0 ? 0 : shift + 1
    const whole = Math.floor(((shift + text.length) * 8) / 6)
    return Buffer.from(encoded.slice(first, whole))
  })

const needlesOf = (text: string, canary?: Canary): Needle[] => {
  const named = (how: string, bytes: Buffer): Needle => ({ how, bytes, ...(canary === undefined ? {} : { canary }) })
  const hex = Buffer.from(text).toString('hex')
  const utf16 = Buffer.from(text, 'utf16le')
  return [
    named('plain', Buffer.from(text)),
    named('lower case', Buffer.from(text.toLowerCase())),
    named('reversed', Buffer.from(text.split('').toReversed().join(''))),
    named('UTF-16', utf16),
    named('hex', Buffer.from(hex)),
    named('hex', Buffer.from(hex.toUpperCase())),
    ...base64Needles(text).map((bytes) => named('Base64', bytes)),
    ...base64Needles(text).map((bytes) => named('Base64 of hex', Buffer.from(Buffer.from(bytes).toString('hex')))),
  ]
}

/** Which canary stands at a place where the tag was found, as far as that can be read there. */
const canaryAt = (bytes: Buffer, at: number, { tag, planted }: Canaries): Canary | undefined => {
  const number = Number(bytes.subarray(at + tag.length, at + tag.length + 3).toString('latin1'))
  return Number.isInteger(number) ? planted[number] : undefined
}

/** Makes a search for every canary of a set, in plain and in the encodings that hide a text from a careless grep. */
export const searcher = (canaries: Canaries): ((surface: Surface) => Hit[]) => {
  const untagged = canaries.planted.filter(({ core }) => !core.startsWith(canaries.tag))
  const needles = [...needlesOf(canaries.tag), ...untagged.flatMap((canary) => needlesOf(canary.core, canary))]
  return ({ name, bytes }) => {
    const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const found = new Map<string, Hit>()
    for (const { how, bytes: needle, canary } of needles) {
      for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + 1)) {
        const { place, kind } = canary ??
          (how === 'plain' || how === 'lower case' ? canaryAt(haystack, at, canaries) : undefined) ?? {
            place: 'one of them',
            kind: 'unknown',
          }
        found.set(`${how} ${place}`, { surface: name, how, place, kind })
      }
    }
    return [...found.values()]
  }
}
