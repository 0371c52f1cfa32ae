import { type Command, type CommandHandler, type Decided, tenantsOf } from './command.ts'
import { streamKey } from './stream.ts'

/** A command with the handler that decides it, waiting for its answer. */
export type Waiting = {
  readonly command: Command
  readonly handler: CommandHandler<Command, unknown, unknown>
  readonly resolve: (decided: Decided<Command, unknown>) => void
  readonly reject: (error: unknown) => void
}

export type GatheredCommandsOptions = {
  /** Decides commands of the same tenants, no two of which name the same stream; answers or refuses each of them. */
  readonly decide: (together: readonly Waiting[]) => Promise<void>
  /** Transactions at the same time; a command that finds one of them free waits for nobody. */
  readonly lanes: number
  /** Most commands of a transaction: it holds their streams' locks. */
  readonly most: number
}

/**
 * Natural batching of commands that come one by one: while all lanes decide, what comes gathers, and goes on together in the
 * next transaction. No timer, so a lone command waits for nothing. Commands of different tenants never share a transaction,
 * since in it rows of all its tenants exist.
 */
export class GatheredCommands {
  readonly #options: GatheredCommandsOptions
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
    // A command comes back to its own handler only, so what their types were is kept.
    this.#waiting.push({ command, handler, resolve, reject } as unknown as Waiting)
    this.#fill()
    return promise
  }

  #fill(): void {
    while (this.#busy < this.#options.lanes && this.#waiting.length > 0) {
      const together = this.#take()
      this.#busy += 1
      void this.#options.decide(together).finally(() => {
        this.#busy -= 1
        this.#fill()
      })
    }
  }

  /** The first that waits, and all behind it that may share its transaction; order among commands of one stream is kept. */
  #take(): Waiting[] {
    const [first] = this.#waiting
    if (first === undefined) return []
    const tenants = tenantKey(first.command)
    const taken: Waiting[] = []
    const left: Waiting[] = []
    const named = new Set<string>()
    for (const each of this.#waiting) {
      const keys = each.command.streams.map(streamKey)
      const fits =
        taken.length < this.#options.most && tenantKey(each.command) === tenants && keys.every((key) => !named.has(key))
      for (const key of keys) named.add(key)
      if (fits) taken.push(each)
      else left.push(each)
    }
    this.#waiting = left
    return taken
  }
}

const tenantKey = (command: Command): string => [...new Set(tenantsOf([command]))].toSorted().join(' ')
