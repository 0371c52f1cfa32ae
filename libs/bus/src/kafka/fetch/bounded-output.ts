/** Thrown for compressed bytes that are none, or that unpack to more than is allowed. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError'
}

/** Takes what a block unpacks to and never grows above its limit. */
export class BoundedOutput {
  readonly #limit: number
  #bytes: Buffer
  #length = 0

  constructor(limit: number, expected: number) {
    this.#limit = limit
    this.#bytes = Buffer.allocUnsafe(Math.min(limit, Math.max(64, expected)))
  }

  get length(): number {
    return this.#length
  }

  append(source: Buffer, from: number, to: number): void {
    if (to > source.length || to < from) throw new UnpackError('a literal goes beyond its block')
    this.#reserve(to - from)
    source.copy(this.#bytes, this.#length, from, to)
    this.#length += to - from
  }

  /** Repeats what stands `distance` bytes back; the two may overlap, which repeats a pattern. */
  repeat(distance: number, count: number): void {
    if (distance < 1 || distance > this.#length) throw new UnpackError('a copy goes beyond what there is')
    this.#reserve(count)
    let start = this.#length - distance
    for (let left = count; left > 0; ) {
      const step = Math.min(left, this.#length - start)
      this.#bytes.copyWithin(this.#length, start, start + step)
      this.#length += step
      left -= step
      start += step
    }
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed > this.#limit) throw new UnpackError('unpacks to more than is allowed')
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
