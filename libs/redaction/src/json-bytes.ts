export const SPACE = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const MINUS = 0x2d
export const ZERO = 0x30
export const COLON = 0x3a
export const ARRAY_OPEN = 0x5b
export const BACKSLASH = 0x5c
export const ARRAY_CLOSE = 0x5d
export const OBJECT_OPEN = 0x7b
export const OBJECT_CLOSE = 0x7d

// From U+E000 on, and in surrogate pairs, the order of UTF-8 is another than that of UTF-16.
const FIRST_OUT_OF_ORDER = 0xee
const SHORT_ESCAPES = new Set(Buffer.from('"\\bfnrt'))
const LONG_ESCAPE = /^u00(?:0[0-7be-f]|1[0-9a-f])$/

/** 1 for each byte at which reading a string has to stop: its end, an escape, and what may not be in one. */
export const ENDS_TEXT = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === QUOTE || byte === BACKSLASH || byte < SPACE ? 1 : 0,
)
/** The same for a name whose place in an object is found by its bytes. */
export const ENDS_NAME = ENDS_TEXT.map((ends, byte) => (byte >= FIRST_OUT_OF_ORDER ? 1 : ends))

export const LITERALS = ['true', 'false', 'null'].map((literal) => Buffer.from(literal))

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
export const isNumeric = (byte: number): boolean => byte === MINUS || isDigit(byte)
/** Digits, signs, point and exponent. */
export const isInNumber = (byte: number): boolean =>
  isDigit(byte) || byte === MINUS || byte === 0x2b || byte === 0x2e || byte === 0x45 || byte === 0x65

/** Bytes of the escape behind the backslash here; 0 when RFC 8785 §3.2.2.2 writes it in another way, or it is none. */
export const escapeLength = (source: Buffer, backslash: number): number => {
  if (SHORT_ESCAPES.has(source[backslash + 1] as number)) return 2
  return LONG_ESCAPE.test(source.toString('latin1', backslash + 1, backslash + 6)) ? 6 : 0
}
