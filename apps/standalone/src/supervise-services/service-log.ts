import { createWriteStream, existsSync, renameSync, statSync, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const largestBytes = 10 << 20
const remembered = 12
const told = new Set(['warn', 'error', 'fatal'])
/** What is said again and again is shown this often. */
const quietMs = 10_000

/** What a service writes: every line in its file, warnings and worse to `warn`, the last ones at hand. */
export class ServiceLog {
  readonly file: string
  readonly #warn: (line: string) => void
  readonly #stream: WriteStream
  #last: string[] = []
  readonly #shown = new Map<string, { readonly at: number; more: number }>()

  /** Appends to the file; one that has become large is put aside as `.1` first. */
  constructor(file: string, warn: (line: string) => void) {
    this.file = file
    this.#warn = warn
    if (existsSync(file) && statSync(file).size > largestBytes) renameSync(file, `${file}.1`)
    this.#stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
    // A full disk must not end the services; what is on the screen is still there.
    this.#stream.on('error', () => undefined)
  }

  take(output: Readable): void {
    createInterface({ input: output }).on('line', (line) => this.#line(line))
  }

  /** The last lines, oldest first. */
  get last(): readonly string[] {
    return this.#last
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.end(resolve)
    })
  }

  #line(line: string): void {
    this.#stream.write(`${line}\n`)
    this.#last = [...this.#last, line].slice(-remembered)
    const short = shortOf(line)
    if (short !== undefined) this.#show(short)
  }

  #show({ about, words }: Short): void {
    const now = performance.now()
    const shown = this.#shown.get(about)
    if (shown !== undefined && now - shown.at < quietMs) {
      shown.more += 1
      return
    }
    const more = shown === undefined || shown.more === 0 ? '' : ` (${shown.more} more like it before)`
    this.#shown.set(about, { at: now, more: 0 })
    this.#warn(`${words}${more}`)
  }
}

type Short = { readonly about: string; readonly words: string }

/** A line of a service's log for the screen; undefined when it is less than a warning. What is no log line is one. */
const shortOf = (line: string): Short | undefined => {
  try {
    const { level, time: _time, service: _service, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
    if (!told.has(String(level))) return undefined
    const more = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields).slice(0, 300)}`
    return { about: String(msg), words: `${String(level)}  ${String(msg)}${more}` }
  } catch {
    return { about: line, words: line }
  }
}
