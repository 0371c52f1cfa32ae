import {
  ARRAY_CLOSE,
  ARRAY_OPEN,
  BACKSLASH,
  COLON,
  COMMA,
  ENDS_NAME,
  ENDS_TEXT,
  escapeLength,
  isDigit,
  isInNumber,
  isNumeric,
  LITERALS,
  OBJECT_CLOSE,
  OBJECT_OPEN,
  QUOTE,
  SPACE,
  ZERO,
} from './json-bytes.ts'

/** Deeper texts are left to the full algorithm. */
const DEEPEST = 64
/** So are objects with more members: they are put in order one by one. */
const MOST_MEMBERS = 64
/** And longer texts: nothing that is recorded is, and the buffers stay as large as they ever were. */
const LONGEST = 65_536
const FIRST_BYTES = 8_192
// What is shorter is copied before a call of the runtime would have begun.
const WORTH_A_CALL = 96
// The longest digit count that is always below 2^53.
const SAFE_DIGITS = 15
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

// What the tape holds of a value: where a scalar starts and ends; one of these and the number of items, which follow; or
// one of these, the place of the first member and that of the next value.
const ARRAY = -1
const OBJECT = -2
const NONE = -1
// What it holds of a member: the place of the next one, its name, and behind these its value.
const NEXT = 0
const NAME_START = 1
const NAME_END = 2
const VALUE = 3

/**
 * Writes JSON texts in canonical form whose scalars are written canonically already, in two passes over their bytes: the
 * first finds the values and puts the members of each object in order, the second writes. It makes no value and no string
 * on the way, which is where the time of parsing goes. Its buffers are kept for the next text.
 */
export class CanonicalScan {
  private source = Buffer.alloc(FIRST_BYTES)
  private out = Buffer.alloc(FIRST_BYTES)
  private tape = new Int32Array(2 * FIRST_BYTES)
  private length = 0
  private at = 0
  private top = 0
  private to = 0

  /** The canonical form; `undefined` when it takes the full algorithm, or the text is not JSON. */
  written(text: string): string | undefined {
    if (text.length > LONGEST || !text.isWellFormed()) return undefined
    if (3 * text.length >= this.source.length) this.grow(3 * text.length)
    this.length = this.source.write(text)
    // Ends every loop, and is in no text.
    this.source[this.length] = 0
    this.at = 0
    this.top = 0
    this.to = 0
    if (!this.readValue(0)) return undefined
    this.skipSpaces()
    if (this.at !== this.length) return undefined
    this.write(0)
    return this.length === text.length ? this.out.toString('latin1', 0, this.to) : this.out.toString('utf8', 0, this.to)
  }

  private grow(bytes: number): void {
    this.source = Buffer.alloc(2 * bytes)
    this.out = Buffer.alloc(2 * bytes)
    // No text has more than two entries for each of its bytes.
    this.tape = new Int32Array(4 * bytes)
  }

  /** The next byte that is no space; 0 at the end. */
  private skipSpaces(): number {
    const { source } = this
    let at = this.at
    while (source[at] === SPACE) at += 1
    this.at = at
    return source[at] as number
  }

  /** Puts the next value on the tape; false when the text is unsuited. */
  private readValue(depth: number): boolean {
    const first = this.skipSpaces()
    if (first === OBJECT_OPEN) return depth < DEEPEST && this.readObject(depth + 1)
    if (first === ARRAY_OPEN) return depth < DEEPEST && this.readArray(depth + 1)
    const start = this.at
    const isRead = first === QUOTE ? this.readString() : isNumeric(first) ? this.readNumber() : this.readLiteral()
    this.tape[this.top] = start
    this.tape[this.top + 1] = this.at
    this.top += 2
    return isRead
  }

  private readLiteral(): boolean {
    const { source, at } = this
    const literal = LITERALS.find((bytes) => bytes.every((byte, index) => source[at + index] === byte))
    this.at += literal?.length ?? 0
    return literal !== undefined
  }

  /** Moves behind the string that starts here. */
  private readString(): boolean {
    const { source } = this
    let at = this.at + 1
    for (;;) {
      while (ENDS_TEXT[source[at] as number] === 0) at += 1
      const byte = source[at]
      this.at = at + 1
      if (byte === QUOTE) return true
      if (byte !== BACKSLASH) return false
      const escape = escapeLength(source, at)
      if (escape === 0) return false
      at += escape
    }
  }

  /** The same for a name, of which nothing may be escaped or out of order. */
  private readName(): boolean {
    const { source } = this
    let at = this.at + 1
    while (ENDS_NAME[source[at] as number] === 0) at += 1
    this.at = at + 1
    return source[at] === QUOTE
  }

  private readNumber(): boolean {
    const { source, at: start } = this
    let end = start
    while (isDigit(source[end] as number)) end += 1
    const isPlain = end > start && end - start <= SAFE_DIGITS && (source[start] !== ZERO || end - start === 1)
    if (!isPlain || isInNumber(source[end] as number)) return this.readAnyNumber()
    this.at = end
    return true
  }

  private readAnyNumber(): boolean {
    const { source, at: start } = this
    let end = start
    while (isInNumber(source[end] as number)) end += 1
    this.at = end
    const text = source.toString('latin1', start, end)
    return NUMBER.test(text) && String(Number(text)) === text
  }

  private readArray(depth: number): boolean {
    const count = this.top + 1
    this.tape[this.top] = ARRAY
    this.tape[count] = 0
    this.top += 2
    this.at += 1
    if (this.skipSpaces() === ARRAY_CLOSE) return this.close()
    for (;;) {
      if (!this.readValue(depth)) return false
      this.tape[count] = (this.tape[count] as number) + 1
      const next = this.skipSpaces()
      if (next === ARRAY_CLOSE) return this.close()
      if (next !== COMMA) return false
      this.at += 1
    }
  }

  private readObject(depth: number): boolean {
    const { tape } = this
    const object = this.top
    tape[object] = OBJECT
    tape[object + 1] = NONE
    this.top += 3
    this.at += 1
    if (this.skipSpaces() === OBJECT_CLOSE) return this.closeObject(object)
    let last = NONE
    for (let members = 1; members <= MOST_MEMBERS; members += 1) {
      const member = this.top
      if (this.skipSpaces() !== QUOTE) return false
      tape[member + NAME_START] = this.at + 1
      if (!this.readName()) return false
      tape[member + NAME_END] = this.at - 1
      this.top += VALUE
      if (this.skipSpaces() !== COLON) return false
      this.at += 1
      if (!this.readValue(depth) || !this.insert(object, member, last)) return false
      if (tape[member + NEXT] === NONE) last = member
      const next = this.skipSpaces()
      if (next === OBJECT_CLOSE) return this.closeObject(object)
      if (next !== COMMA) return false
      this.at += 1
    }
    return false
  }

  private closeObject(object: number): boolean {
    this.tape[object + 2] = this.top
    return this.close()
  }

  private close(): boolean {
    this.at += 1
    return true
  }

  /** Links a member behind those whose names come before its own; false when one has the same name. */
  private insert(object: number, member: number, last: number): boolean {
    const { tape } = this
    let before = last
    if (last === NONE || this.compareNames(last, member) >= 0) {
      before = NONE
      for (let next = tape[object + 1] as number; next !== NONE; next = tape[next + NEXT] as number) {
        const order = this.compareNames(next, member)
        if (order === 0) return false
        if (order > 0) break
        before = next
      }
    }
    // The first member stands where the others have their next one.
    const link = before === NONE ? object + 1 : before + NEXT
    tape[member + NEXT] = tape[link] as number
    tape[link] = member
    return true
  }

  private compareNames(one: number, other: number): number {
    const { source, tape } = this
    let a = tape[one + NAME_START] as number
    let b = tape[other + NAME_START] as number
    const endOfA = tape[one + NAME_END] as number
    const endOfB = tape[other + NAME_END] as number
    while (a < endOfA && b < endOfB) {
      const difference = (source[a] as number) - (source[b] as number)
      if (difference !== 0) return difference
      a += 1
      b += 1
    }
    return endOfA - a - (endOfB - b)
  }

  /** Writes the value at this place of the tape; answers where the next one is. */
  private write(place: number): number {
    const { tape } = this
    const kind = tape[place] as number
    const first = tape[place + 1] as number
    if (kind >= 0) {
      this.copy(kind, first)
      return place + 2
    }
    if (kind === OBJECT) {
      this.writeObject(first)
      return tape[place + 2] as number
    }
    this.put(ARRAY_OPEN)
    let item = place + 2
    for (let left = first; left > 0; left -= 1) {
      item = this.write(item)
      if (left > 1) this.put(COMMA)
    }
    this.put(ARRAY_CLOSE)
    return item
  }

  private writeObject(first: number): void {
    const { tape } = this
    this.put(OBJECT_OPEN)
    for (let member = first; member !== NONE; member = tape[member + NEXT] as number) {
      if (member !== first) this.put(COMMA)
      this.copy((tape[member + NAME_START] as number) - 1, (tape[member + NAME_END] as number) + 1)
      this.put(COLON)
      this.write(member + VALUE)
    }
    this.put(OBJECT_CLOSE)
  }

  private put(byte: number): void {
    this.out[this.to] = byte
    this.to += 1
  }

  private copy(start: number, end: number): void {
    const { source, out } = this
    let to = this.to
    if (end - start >= WORTH_A_CALL) {
      this.to = to + source.copy(out, to, start, end)
      return
    }
    for (let from = start; from < end; from += 1) {
      out[to] = source[from] as number
      to += 1
    }
    this.to = to
  }
}
