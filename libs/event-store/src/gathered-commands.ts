import { type Command, type CommandHandler, type Decided, tenantsOf } from './command.ts'
import { restAfter } from './gathered-asks.ts'
import { streamKey } from './stream.ts'

/** A command with the handler that decides it, waiting for its answer. */
export type Waiting = {
  readonly command: Command
  /** Names its tenants. */
  readonly tenants: string
  readonly handler: CommandHandler<Command, unknown, unknown>
  readonly resolve: (decided: Decided<Command, unknown>) => void
  readonly reject: (error: unknown) => void
}

export type GatheredCommandsOptions = {
  /** Decides commands of the same tenants, no two of which name the same stream; answers or refuses each of them. */
  readonly decide: (together: readonly Waiting[]) => Promise<void>
  /** Transactions at the same time, each of other tenants. */
  readonly lanes: number
  /** Most commands of a transaction: it holds their streams' locks. */
  readonly most: number
}

/**
 * Natural batching of commands that come one by one: while those before are decided, and in the rest that follows, what comes
 * gathers, and goes on together in the next transaction. A lone command waits for nobody. Commands of different tenants never
 * share a transaction, since in it rows of all its tenants exist, and do not wait for each other.
 */
export class GatheredCommands {
  readonly #options: GatheredCommandsOptions
  /** Tenants whose commands are being decided, or were a moment ago. */
  readonly #held = new Set<string>()
  #waiting: Waiting[] = []
  #busy = 0

  constructor(options: GatheredCommandsOptions) {
    this.#options = options
  }

  add<C extends Command, Context, Answer>(
    command: C,
    handler: CommandHandler<C, Context, Answer>,
  ): Promise<Decided<C, Answer>> {
    const { promise, resolve, reject } = Promise.withResolvers<Decided<C, Answer>>()
    const tenants = tenantKey(command)
    // A command comes back to its own handler only, so what their types were is kept.
    this.#waiting.push({ command, tenants, handler, resolve, reject } as unknown as Waiting)
    this.#fill()
    return promise
  }

  #fill(): void {
    while (this.#busy < this.#options.lanes) {
      const next = this.#waiting.find(({ tenants }) => !this.#held.has(tenants))
      if (next === undefined) return
      void this.#run(next.tenants)
    }
  }

  async #run(tenants: string): Promise<void> {
    const together = this.#take(tenants)
    // Who had to be left behind waits for the streams, not for company.
    const areSomeLeft = this.#waiting.some((each) => each.tenants === tenants)
    this.#busy += 1
    this.#held.add(tenants)
    const began = performance.now()
    await this.#options.decide(together)
    this.#busy -= 1
    if (!areSomeLeft) this.#fill()
    if (!areSomeLeft) await restAfter(performance.now() - began)
    this.#held.delete(tenants)
    this.#fill()
  }

  /** All that wait and may share a transaction; the order among commands of one stream is kept. */
  #take(tenants: string): Waiting[] {
    const taken: Waiting[] = []
    const left: Waiting[] = []
    const named = new Set<string>()
    for (const each of this.#waiting) {
      const keys = each.command.streams.map(streamKey)
      const fits = taken.length < this.#options.most && each.tenants === tenants && keys.every((key) => !named.has(key))
      for (const key of keys) named.add(key)
      if (fits) taken.push(each)
      else left.push(each)
    }
    this.#waiting = left
    return taken
  }
}

const tenantKey = (command: Command): string => [...new Set(tenantsOf([command]))].toSorted().join(' ')
