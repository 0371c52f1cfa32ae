import { isOfType } from './refusal.ts'

/** What the group answers a member that it no longer counts as one. */
const expelled = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']

export interface PulseOptions {
  readonly everyMs: number
  /** How long the group waits for a member that finishes its batch before it goes on without it. */
  readonly graceMs: number
  readonly beat: () => Promise<void>
  /** Called when the group may have given the partitions away. */
  readonly onLost: () => void
}

/** Keeps the membership while a handler works, and remembers what the group wants of us meanwhile. */
export class Pulse {
  readonly #options: PulseOptions
  readonly #timer: NodeJS.Timeout
  #grace: NodeJS.Timeout | undefined
  #summons: unknown

  constructor(options: PulseOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#beat(), options.everyMs)
  }

  /** The error with which the group asked us to join again; to be thrown into kafkajs when the batch is settled. */
  get summons(): unknown {
    return this.#summons
  }

  stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#grace)
  }

  async #beat(): Promise<void> {
    try {
      await this.#options.beat()
    } catch (error) {
      if (isOfType(error, ...expelled)) {
        this.#summons = error
        this.#options.onLost()
      } else if (isOfType(error, 'REBALANCE_IN_PROGRESS')) {
        this.#summons = error
        // The batch may still end and be committed: the others wait for us that long.
        this.#grace ??= setTimeout(this.#options.onLost, this.#options.graceMs)
      }
      // Anything else is an outage, which the next fetch meets too.
    }
  }
}
