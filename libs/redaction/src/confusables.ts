/** A character that looks like a Latin one. `index` counts UTF-16 code units. */
export interface Confusable {
  readonly index: number
  readonly char: string
  readonly looksLike: string
}

// Pairs of a character and what it is taken for, chosen by eye for common fonts.
const CYRILLIC =
  'аa АA вb ВB сc СC ԁd еe ЕE ёe һh НH іi ІI ϳj јj ЈJ кk КK ӏl мm МM пn оo ОO рp РP ԛq гr ѕs ЅS тt ТT цu ѵv ѡw ԝw ԜW хx ХX уy УY ҮY зz ɡg ԌG'
const GREEK = 'αa ΑA βb ΒB ϲc ϹC εe ΕE ηn ΗH ιi ΙI κk ΚK ΜM νv ΝN οo ΟO ρp ΡP τt ΤT υu ΥY χx ΧX γy ωw ζz ΖZ ϳj ͿJ'
const OTHERS = 'օo ՕO սu հh ոn ցg ıi ⅼl ⅰi ⅴv ⅹx ⅽc ⅾd ⅿm ƖI ǀl ʟL ․. ∕/ ⁄/ ꞉: ։: ׃: ∶: ﹒. ﹣-'

const LOOKS_LIKE = new Map(
  [CYRILLIC, GREEK, OTHERS].flatMap((pairs) =>
    pairs.split(' ').map((pair) => {
      const [char = '', ...rest] = pair
      return [char, rest.join('')] as const
    }),
  ),
)

const LATIN = /[A-Za-z]/
const LETTER = /\p{L}/u
const NOT_ASCII = /[\u{80}-\u{10ffff}]/u
const WORD = /\S+/g
// What holds letters together in a name; dots, slashes and dashes part them.
const SEGMENT = /[\p{L}\p{M}\p{N}_]+/gu

/** Fullwidth forms and mathematical alphabets repeat ASCII in order; in a name they are never meant. */
function styledAscii(char: string): string | undefined {
  const code = char.codePointAt(0) ?? 0
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0)
  if (code >= 0x1d400 && code <= 0x1d6a3) {
    const letter = (code - 0x1d400) % 52
    return String.fromCharCode(letter < 26 ? 0x41 + letter : 0x61 + letter - 26)
  }
  if (code >= 0x1d7ce && code <= 0x1d7ff) return String.fromCharCode(0x30 + ((code - 0x1d7ce) % 10))
  return undefined
}

/** A segment is suspect when it mixes scripts, or when it could be read as Latin from end to end in a Latin name. */
function isSuspect(segment: string, nameIsLatin: boolean): boolean {
  if (LATIN.test(segment)) return true
  return nameIsLatin && Array.from(segment).every((char) => LOOKS_LIKE.has(char) || !LETTER.test(char))
}

/**
 * Marks the characters that a reader would take for Latin ones in names that otherwise are: Cyrillic, Greek and other
 * look-alike letters, dots and slashes, fullwidth and mathematical letters. Words that are plainly in another script
 * are left alone. Compares characters only; nothing is normalised.
 */
export function confusables(text: string): Confusable[] {
  if (!NOT_ASCII.test(text)) return []
  const found: Confusable[] = []
  const words = [...text.matchAll(WORD)]
  for (const word of words) {
    const wordIsLatin = LATIN.test(word[0])
    const nameIsLatin = words.length === 1 || wordIsLatin
    const suspect = [...word[0].matchAll(SEGMENT)]
      .filter((segment) => isSuspect(segment[0], nameIsLatin))
      .map((segment) => ({ start: segment.index, end: segment.index + segment[0].length }))
    let at = 0
    let next = 0
    for (const char of word[0]) {
      while ((suspect[next]?.end ?? Infinity) <= at) next += 1
      const inSuspect = (suspect[next]?.start ?? Infinity) <= at
      const alike = LOOKS_LIKE.get(char)
      const counts = LETTER.test(char) ? inSuspect : wordIsLatin
      const looksLike = styledAscii(char) ?? (counts ? alike : undefined)
      if (looksLike !== undefined) found.push({ index: word.index + at, char, looksLike })
      at += char.length
    }
  }
  return found
}
