import { cpuMsNow } from '../measure.ts'

/** What one round of a side cost, measured in the process that did the work. */
export type Round = {
  readonly count: number
  readonly wallMs: number
  /** Of the side's own process, its helper threads included. */
  readonly cpuMs: number
  /** Of the database's processes, where they worked for nobody else. */
  readonly serverCpuMs?: number
}

/** One side of a comparison, alive in a process of its own from its first round to its last. */
export type Side<Input> = {
  round(input: Input): Promise<Round>
  close(): Promise<void>
}

export type OpenSide<Options, Input> = (options: Options) => Promise<Side<Input>>

/** Counts finished work. The clock starts with the first report, whose own work is left out, and stops with the last. */
export class Meter {
  readonly #wanted: number
  readonly #ended = Promise.withResolvers<Round>()
  #count = 0
  #began: { readonly wallMs: number; readonly cpuMs: number; readonly count: number } | undefined

  /** @param wanted how much work makes the round, the first report's included */
  constructor(wanted: number) {
    this.#wanted = wanted
  }

  /** Resolves when all of it is done. */
  get round(): Promise<Round> {
    return this.#ended.promise
  }

  done(count: number): void {
    this.#count += count
    if (this.#began === undefined) this.#began = { wallMs: performance.now(), cpuMs: cpuMsNow(), count: this.#count }
    else if (this.#count >= this.#wanted) this.#end(this.#began)
  }

  #end(began: { readonly wallMs: number; readonly cpuMs: number; readonly count: number }): void {
    this.#ended.resolve({
      count: this.#count - began.count,
      wallMs: performance.now() - began.wallMs,
      cpuMs: cpuMsNow() - began.cpuMs,
    })
  }
}

/** So many callers that each call again as soon as they are answered, for a time. */
export const callersFor = async (callers: number, ms: number, call: () => Promise<unknown>): Promise<Round> => {
  const [began, before] = [performance.now(), cpuMsNow()]
  let count = 0
  const caller = async (): Promise<void> => {
    while (performance.now() - began < ms) {
      await call()
      count += 1
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return { count, wallMs: performance.now() - began, cpuMs: cpuMsNow() - before }
}
