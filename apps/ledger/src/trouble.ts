import type { Log } from '@countersign/service-kit'

/** What is wrong now with a part of the service, for its health check; logged when it begins and when it changes. */
export class Trouble {
  readonly #codes = new Map<string, string>()
  readonly #log: Log
  readonly #part: string

  constructor(log: Log, part: string) {
    this.#log = log
    this.#part = part
  }

  /** The code of one of the troubles, or `undefined`. */
  current(): string | undefined {
    return this.#codes.values().next().value
  }

  begin(subject: string, code: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.#codes.get(subject) !== code) {
      this.#log.error({ part: this.#part, subject, code, ...fields }, 'the ledger does not go on')
    }
    this.#codes.set(subject, code)
  }

  end(subject: string): void {
    this.#codes.delete(subject)
  }
}
