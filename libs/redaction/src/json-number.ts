export type NumberProblem = 'negative_zero' | 'number_not_exact'

interface Decimal {
  readonly negative: boolean
  /** Significant digits without zeros at either end; empty for zero. */
  readonly digits: string
  /** The value is 0.<digits> × 10^exponent. */
  readonly exponent: number
}

const ZERO = 0x30

/** Brings a JSON number or a printed double to one form per decimal value. Linear in the length of the text. */
function toDecimal(source: string): Decimal {
  const negative = source.startsWith('-')
  const marker = source.search(/[eE]/)
  const mantissa = source.slice(negative ? 1 : 0, marker === -1 ? undefined : marker)
  const power = marker === -1 ? 0 : Number(source.slice(marker + 1))
  const point = mantissa.indexOf('.')
  const whole = point === -1 ? mantissa.length : point
  const all = point === -1 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1)
  let start = 0
  while (start < all.length && all.charCodeAt(start) === ZERO) start += 1
  let end = all.length
  while (end > start && all.charCodeAt(end - 1) === ZERO) end -= 1
  return { negative, digits: all.slice(start, end), exponent: whole - start + power }
}

/**
 * Says whether a grammatically valid JSON number keeps its decimal value when it is read as a double and printed as
 * RFC 8785 §3.2.2.3 does. `1.0`, `1e2` and `0.1` keep it; `1.0000000000000001`, 2^53+1 and `1e400` do not. A zero with
 * a minus sign is its own problem: it is printed as `0`.
 */
export function numberProblem(source: string): NumberProblem | undefined {
  const value = Number(source)
  if (!Number.isFinite(value)) return 'number_not_exact'
  const printed = String(value)
  if (printed === source) return undefined
  const given = toDecimal(source)
  if (given.digits === '') return given.negative ? 'negative_zero' : undefined
  const kept = toDecimal(printed)
  const same = given.digits === kept.digits && given.exponent === kept.exponent && given.negative === kept.negative
  return same ? undefined : 'number_not_exact'
}
