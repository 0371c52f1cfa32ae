// Everything that takes no ink or moves other text: controls, format and bidi characters, tags, private use,
// unassigned, line and paragraph separators, all spaces but U+0020, default ignorables (Hangul fillers, variation
// selectors), blank glyphs. The brackets of our own notation are in it, so that a text cannot imitate it.
const SHOWN = /[[\p{C}\p{Z}\p{DI}\u2800\uFFFC\u{1D159}\u27E8\u27E9]--[ ]]/v
const MARK = /\p{M}/u
const NOTABLE = /[[\p{C}\p{Z}\p{DI}\p{M}\u2800\uFFFC\u{1D159}\u27E8\u27E9]--[ ]]/v
// A space that is not U+0020 still looks like one, and the brackets are ink.
const NOT_HIDDEN = /[\p{Zs}\t\n\u27E8\u27E9]/u
/** Marks on one letter: scripts that stack them need no more. */
const MARKS_PER_LETTER = 4

export interface VisibleTextOptions {
  /** Largest length of the result, in UTF-16 code units, the note about what was cut included. */
  readonly maxLength?: number
  /** `keep` leaves line feeds (CR LF becomes one) as they are; `show`, the default, writes them as ⟨U+000A⟩. */
  readonly lineBreaks?: 'keep' | 'show'
}

const codeOf = (char: string): string => (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')

interface Piece {
  readonly text: string
  /** Code points of the source that the piece stands for. */
  readonly points: number
}

function* pieces(text: string, lineBreaks: 'keep' | 'show'): Generator<Piece> {
  let marks = 0
  let dropped = 0
  for (const char of text) {
    const isAscii = char >= ' ' && char <= '~'
    const ignorable = !isAscii && SHOWN.test(char)
    const isMark = !isAscii && !ignorable && MARK.test(char)
    marks = isMark ? marks + 1 : 0
    if (marks > MARKS_PER_LETTER) {
      dropped += 1
      continue
    }
    if (dropped > 0) yield { text: `⟨${dropped} more marks⟩`, points: dropped }
    dropped = 0
    const shown = ignorable && !(lineBreaks === 'keep' && char === '\n')
    yield { text: shown ? `⟨U+${codeOf(char)}⟩` : char, points: 1 }
  }
  if (dropped > 0) yield { text: `⟨${dropped} more marks⟩`, points: dropped }
}

/** Cuts at a piece, so that neither a character nor a ⟨…⟩ is split, and says how many characters are missing. */
function cut(text: string, maxLength: number, lineBreaks: 'keep' | 'show'): string {
  const kept: Piece[] = []
  let length = 0
  let missing = 0
  for (const piece of pieces(text, lineBreaks)) {
    if (missing === 0 && length + piece.text.length <= maxLength) {
      kept.push(piece)
      length += piece.text.length
    } else {
      missing += piece.points
    }
  }
  if (missing === 0) return kept.map((piece) => piece.text).join('')
  let note = `⟨${missing} more⟩`
  while (length + note.length > maxLength) {
    const last = kept.pop()
    // A limit below the length of the note leaves only its start.
    if (last === undefined) return note.slice(0, maxLength)
    length -= last.text.length
    missing += last.points
    note = `⟨${missing} more⟩`
  }
  return kept.map((piece) => piece.text).join('') + note
}

/**
 * Makes untrusted text show everything that is in it: each invisible, control, bidi, tag or variation character is
 * written as ⟨U+202E⟩, marks beyond four on one letter are counted, a cut says how much is missing. Letters stay as
 * they are: there is no Unicode normalisation. The result holds no control character but a kept line feed; it is not
 * escaped for any markup.
 */
export function visibleText(text: string, options: VisibleTextOptions = {}): string {
  const { maxLength = Number.POSITIVE_INFINITY, lineBreaks = 'show' } = options
  const source = lineBreaks === 'keep' ? text.replaceAll('\r\n', '\n') : text
  if (source.length <= maxLength && !NOTABLE.test(source)) return source
  return cut(source, maxLength, lineBreaks)
}

/**
 * Says whether a text holds something that a reader does not see: what visibleText would write as ⟨…⟩, except line
 * feeds, tabs and spaces of other widths.
 */
export function hasHiddenText(text: string): boolean {
  if (!NOTABLE.test(text)) return false
  for (const piece of pieces(text.replaceAll('\r\n', '\n'), 'keep')) {
    if (!piece.text.startsWith('⟨')) continue
    if (piece.points > 1 || !piece.text.startsWith('⟨U+')) return true
    const char = String.fromCodePoint(Number.parseInt(piece.text.slice(3, -1), 16))
    if (!NOT_HIDDEN.test(char)) return true
  }
  return false
}
