import { inspect } from 'node:util'

const hidden = '[secret]'

/** A configured secret. Printing, logging, inspecting or serialising it shows `[secret]`; only `reveal()` gives the text. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return hidden
  }

  toJSON(): string {
    return hidden
  }

  [inspect.custom](): string {
    return hidden
  }
}
