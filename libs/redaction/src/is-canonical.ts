const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const COLON = 0x3a
const ARRAY_OPEN = 0x5b
const BACKSLASH = 0x5c
const ARRAY_CLOSE = 0x5d
const OBJECT_OPEN = 0x7b
const OBJECT_CLOSE = 0x7d

const SHORT_ESCAPES = new Set(Array.from('"\\bfnrt', (letter) => letter.charCodeAt(0)))
const LITERALS = ['true', 'false', 'null']
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
/** The longest digit count that is always below 2^53. */
const SAFE_DIGITS = 15
/** Deeper texts are not looked at: nothing that is recorded is. */
const DEEPEST = 64
/** Where a text stops being canonical: this is no place in it. */
const NOWHERE = -1

/**
 * Whether a text is JSON in canonical form (RFC 8785). It finds out in one pass that makes no value: a fraction of the time of
 * parsing. False also where that pass can't tell: escapes by number, names with an escape, more than 64 levels.
 */
export const isCanonical = (text: string): boolean => text.isWellFormed() && valueEnd(text, 0, 0) === text.length

/** Place behind the value that begins here. */
const valueEnd = (text: string, at: number, depth: number): number => {
  const first = text.charCodeAt(at)
  if (first === QUOTE) return stringEnd(text, at)
  if (first === OBJECT_OPEN) return depth === DEEPEST ? NOWHERE : objectEnd(text, at, depth + 1)
  if (first === ARRAY_OPEN) return depth === DEEPEST ? NOWHERE : arrayEnd(text, at, depth + 1)
  if (first === MINUS || isDigit(first)) return numberEnd(text, at)
  const literal = LITERALS.find((word) => text.startsWith(word, at))
  return literal === undefined ? NOWHERE : at + literal.length
}

const stringEnd = (text: string, open: number): number => {
  for (let at = open + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at + 1
    if (code < SPACE) return NOWHERE
    if (code === BACKSLASH) {
      at += 1
      if (!SHORT_ESCAPES.has(text.charCodeAt(at))) return NOWHERE
    }
  }
  return NOWHERE
}

/** The same for a name, in which nothing may be escaped: the order of names is that of their code units. */
const nameEnd = (text: string, open: number): number => {
  if (text.charCodeAt(open) !== QUOTE) return NOWHERE
  for (let at = open + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at + 1
    if (code < SPACE || code === BACKSLASH) return NOWHERE
  }
  return NOWHERE
}

const numberEnd = (text: string, start: number): number => {
  let end = start
  while (isDigit(text.charCodeAt(end))) end += 1
  const isPlain = end > start && end - start <= SAFE_DIGITS && (end - start === 1 || text[start] !== '0')
  if (isPlain && !isInNumber(text.charCodeAt(end))) return end
  NUMBER.lastIndex = start
  const [number] = NUMBER.exec(text) ?? []
  return number !== undefined && String(Number(number)) === number ? start + number.length : NOWHERE
}

const arrayEnd = (text: string, open: number, depth: number): number => {
  if (text.charCodeAt(open + 1) === ARRAY_CLOSE) return open + 2
  let at = open
  do {
    at = valueEnd(text, at + 1, depth)
    if (at === NOWHERE) return NOWHERE
  } while (text.charCodeAt(at) === COMMA)
  return text.charCodeAt(at) === ARRAY_CLOSE ? at + 1 : NOWHERE
}

const objectEnd = (text: string, open: number, depth: number): number => {
  if (text.charCodeAt(open + 1) === OBJECT_CLOSE) return open + 2
  let at = open
  let name = NOWHERE
  do {
    const next = at + 1
    const behind = nameEnd(text, next)
    if (behind === NOWHERE || text.charCodeAt(behind) !== COLON) return NOWHERE
    if (name !== NOWHERE && !isBefore(text, name, next)) return NOWHERE
    name = next
    at = valueEnd(text, behind + 1, depth)
    if (at === NOWHERE) return NOWHERE
  } while (text.charCodeAt(at) === COMMA)
  return text.charCodeAt(at) === OBJECT_CLOSE ? at + 1 : NOWHERE
}

/** Whether one name of a text comes before another; both are given by their opening quotes. */
const isBefore = (text: string, one: number, other: number): boolean => {
  for (let step = 1; ; step += 1) {
    const [a, b] = [text.charCodeAt(one + step), text.charCodeAt(other + step)]
    if (b === QUOTE) return false
    if (a === QUOTE) return true
    if (a !== b) return a < b
  }
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
/** Digits, signs, point and exponent. */
const isInNumber = (code: number): boolean =>
  isDigit(code) || code === MINUS || code === 0x2b || code === 0x2e || code === 0x45 || code === 0x65
