import { matches, type Span } from './secret-rule.ts'

/** A word of the text and what it says when it is decoded. */
export interface DecodedWord {
  readonly span: Span
  readonly text: string
}

const BASE64_LINE = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}={0,2}/g
const NEXT_LINE = /[\r\n]{1,2}[ \t]{0,16}([A-Za-z0-9+/_-]+={0,2})/y
const EQUALS = 0x3d
const HEX_WORD = /(?<![0-9A-Za-z])(?:0x)?[0-9a-fA-F]{32,}(?![0-9A-Za-z])/g
const SPACELESS = /[^\s"'<>]{8,}/g
const PERCENT = 0x25
const TEXT_BYTES = 24

/** Says whether bytes begin like text; most other content shows a control byte at once. */
function beginsLikeText(bytes: Buffer): boolean {
  for (const byte of bytes.subarray(0, TEXT_BYTES)) {
    if (byte === 0x7f || (byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return false
  }
  return true
}

/** Reads decoded bytes as text, also UTF-16LE as PowerShell encodes commands. Secrets are ASCII, so Latin-1 will do. */
function textOf(bytes: Buffer): string | undefined {
  if (bytes[1] === 0 && bytes[3] === 0) return bytes.toString('utf16le')
  return beginsLikeText(bytes) ? bytes.toString('latin1') : undefined
}

const spanOf = (start: number, text: string): Span => ({ start, end: start + text.length })

/**
 * Where a wrapped Base64 text ends that has its first line before `end`: lines of whole groups of four, then one last
 * line. Wrapped lines count together, because a PEM key shows itself in its first line only.
 */
function endOfBlock(text: string, start: number, end: number): number {
  let from = start
  let at = end
  while ((at - from) % 4 === 0 && text.charCodeAt(at - 1) !== EQUALS) {
    NEXT_LINE.lastIndex = at
    const line = NEXT_LINE.exec(text)?.[1]
    if (line === undefined) return at
    at = NEXT_LINE.lastIndex
    from = at - line.length
  }
  return at
}

function* base64Words(text: string): Generator<DecodedWord> {
  let covered = 0
  for (const { index, 0: line } of matches(BASE64_LINE, text)) {
    if (index < covered) continue
    const lineEnd = index + line.length
    covered = endOfBlock(text, index, lineEnd)
    const word = text.slice(index, covered)
    const bytes = Buffer.from(word, 'base64')
    // The first line of a block may be something else that happens to fit, so the block need not begin like text.
    const plain = covered > lineEnd ? (textOf(bytes) ?? bytes.toString('latin1')) : textOf(bytes)
    if (plain !== undefined) yield { span: spanOf(index, word), text: plain }
  }
}

const hexValue = (unit: number): number => {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const lower = unit | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Replaces each %XX by its byte and leaves everything else; unlike decodeURIComponent it takes any text. */
function percentDecoded(word: string): string {
  const units = new Uint16Array(word.length)
  let length = 0
  for (let at = 0; at < word.length; at += 1) {
    const unit = word.charCodeAt(at)
    const high = unit === PERCENT ? hexValue(word.charCodeAt(at + 1)) : -1
    const low = high >= 0 ? hexValue(word.charCodeAt(at + 2)) : -1
    units[length] = low >= 0 ? high * 16 + low : unit
    if (low >= 0) at += 2
    length += 1
  }
  return Buffer.from(units.buffer, 0, length * 2).toString('utf16le')
}

/** Decodes, once, every word of the text that is long enough Base64 (also base64url), hex or percent-encoded text. */
export function* decodedWords(text: string): Generator<DecodedWord> {
  yield* base64Words(text)
  for (const { index, 0: word } of matches(HEX_WORD, text)) {
    const plain = textOf(Buffer.from(word.replace(/^0x/, ''), 'hex'))
    if (plain !== undefined) yield { span: spanOf(index, word), text: plain }
  }
  if (!text.includes('%')) return
  for (const { index, 0: word } of matches(SPACELESS, text)) {
    if (!word.includes('%')) continue
    const plain = percentDecoded(word)
    if (plain !== word) yield { span: spanOf(index, word), text: plain }
  }
}
