import type { EventMetadata } from '@countersign/contracts'
import type pg from 'pg'
import { type Appended, appendEvents, maxBatchEvents, type StreamAppend } from './append-events.ts'
import { allEnded } from './asked-together.ts'
import { splitIntoWaves } from './batch-waves.ts'
import {
  type AppendPlan,
  type Command,
  type CommandHandler,
  type Decided,
  decidedOf,
  eventCount,
  planAppend,
  streamsOf,
  tenantsOf,
} from './command.ts'
import { GatheredCommands, type Waiting } from './gathered-commands.ts'
import { type Loaded, loadStreams } from './load-streams.ts'
import { StoreNotAdopted } from './store-doubt.ts'
import type { StoreGuard } from './store-guard.ts'
import { distinctStreams, type StreamRef } from './stream.ts'
import {
  CommitUncertain,
  isConnectionLoss,
  isRetryable,
  retrying,
  runTransaction,
  type Transaction,
} from './transaction.ts'

/** What became of one command of a batch. */
export type BatchOutcome<C extends Command, Answer> =
  | ({ readonly status: 'decided' } & Decided<C, Answer>)
  | { readonly status: 'failed'; readonly command: C; readonly error: unknown }

export type EventStore = {
  /** Loads streams in a transaction of its own, for reading. */
  load(refs: readonly StreamRef[]): Promise<Loaded>
  /** Appends within a transaction that has not written yet; the metadata of this store is added. */
  append(tx: Transaction, batch: readonly StreamAppend[]): Promise<Appended[]>
  /**
   * Decides one command with its streams locked. No caller ever sees a version conflict. Commands that come while others are
   * decided share a transaction; one that fails there is decided again alone, and so are those that shared with it.
   */
  execute<C extends Command, Context, Answer>(
    command: C,
    handler: CommandHandler<C, Context, Answer>,
  ): Promise<Decided<C, Answer>>
  /**
   * Decides many commands with one load and one append. Outcomes are in the order of the commands; commands that
   * share a stream (other than attempts) are decided one after the other. One that fails does not fail the others.
   */
  executeBatch<C extends Command, Context, Answer>(
    commands: readonly C[],
    handler: CommandHandler<C, Context, Answer>,
  ): Promise<BatchOutcome<C, Answer>[]>
}

export type EventStoreOptions = {
  /** Added to every event; an append may add to it. */
  readonly metadata: EventMetadata
  /** Called after a commit that appended something, with the streams that moved, to wake readers (`notifyStore`). */
  readonly onAppended?: (streams: readonly StreamRef[]) => void
  /** Stands before every decision and append; without one the store is taken as it is. */
  readonly guard?: Pick<StoreGuard, 'check'>
  /** Transactions that decide single commands at the same time; default 2. */
  readonly lanes?: number
}

/** Commands that share a transaction at most. */
const sharedCommands = 32
/** How long a shared transaction waits for a stream that somebody else holds, before its commands go on alone. */
const sharedLockMs = 100

// Ends a transaction whose append came back short; the batch is divided by what it says.
class CameBackShort extends Error {
  readonly losers: ReadonlySet<object>
  constructor(losers: ReadonlySet<object>) {
    super('other transactions moved streams of the batch')
    this.losers = losers
  }
}

class TooManyEvents extends Error {}

/** The event store over a pool of the service's own role. */
export function eventStore(pool: pg.Pool, options: EventStoreOptions): EventStore {
  const wake = (decided: readonly Decided<Command, unknown>[]): void => {
    const moved = decided.flatMap(({ events }) => events)
    if (moved.length > 0) options.onAppended?.(distinctStreams(moved))
  }

  // Before anything is decided, because an answer that repeats what is recorded says yes without an append.
  const check = async (connection: Transaction): Promise<void> => {
    await options.guard?.check(connection)
  }

  async function once<C extends Command, Context, Answer>(
    commands: readonly C[],
    handler: CommandHandler<C, Context, Answer>,
    lock: readonly StreamRef[],
  ): Promise<Decided<C, Answer>[]> {
    const streams = streamsOf(commands)
    const plan = { tenantIds: tenantsOf(commands), lock, before: check }
    const decided = await runTransaction(pool, plan, async (tx) => {
      const loaded = await loadStreams(tx, streams)
      // A handler without `read` has no context: its Context is undefined.
      const context = (await handler.read?.(tx, commands, loaded)) as Context
      const decisions = commands.map((command) => ({ command, decision: handler.decide(command, loaded, context) }))
      const toAppend = planAppend(decisions, loaded)
      if (eventCount(toAppend) > maxBatchEvents)
        throw new TooManyEvents(`an append has at most ${maxBatchEvents} events`)
      const appended = await appendEvents(tx, toAppend.appends, options.metadata)
      const losers = losersOf(toAppend, appended)
      if (losers.size > 0) throw new CameBackShort(losers)
      const all = decidedOf(toAppend, appended)
      await handler.effects?.(tx, all)
      return all
    })
    wake(decided)
    return decided
  }

  async function single<C extends Command, Context, Answer>(
    command: C,
    handler: CommandHandler<C, Context, Answer>,
  ): Promise<Decided<C, Answer>> {
    // Attempts are appended at any version: reading them holds up nobody.
    const lock = streamsOf([command]).filter((ref) => ref.kind !== 'attempts')
    const decided = await retrying(() => once([command], handler, lock))
    const [first] = decided
    if (first === undefined) throw new Error('the command was not decided')
    return first
  }

  /** Decides commands by their own handlers in one transaction, with one load and one append. */
  async function together(entries: readonly Waiting[]): Promise<Decided<Command, unknown>[]> {
    const commands = entries.map(({ command }) => command)
    const streams = streamsOf(commands)
    const lock = streams.filter((ref) => ref.kind !== 'attempts')
    const plan = { tenantIds: tenantsOf(commands), lock, lockWithinMs: sharedLockMs, before: check }
    const decided = await runTransaction(pool, plan, async (tx) => {
      const loaded = await loadStreams(tx, streams)
      const contexts = await allEnded(
        entries.map(async ({ command, handler }) => handler.read?.(tx, [command], loaded)),
      )
      const decisions = entries.map(({ command, handler }, place) => ({
        command,
        decision: handler.decide(command, loaded, contexts[place]),
      }))
      const toAppend = planAppend(decisions, loaded)
      if (eventCount(toAppend) > maxBatchEvents) throw new TooManyEvents('too many events for one append')
      const appended = await appendEvents(tx, toAppend.appends, options.metadata)
      if (losersOf(toAppend, appended).size > 0) throw new CameBackShort(new Set())
      const all = decidedOf(toAppend, appended)
      await allEnded(entries.map(async ({ handler }, place) => handler.effects?.(tx, all.slice(place, place + 1))))
      return all
    })
    wake(decided)
    return decided
  }

  const gathered = new GatheredCommands({
    lanes: options.lanes ?? 2,
    most: sharedCommands,
    decide: async (entries) => {
      try {
        const decided = await together(entries)
        for (const [place, one] of decided.entries()) entries[place]?.resolve(one)
      } catch (error) {
        // When nobody knows whether it happened, deciding again could do it twice.
        const isFinal = error instanceof CommitUncertain || (entries.length === 1 && !isRetryable(error))
        for (const { command, handler, resolve, reject } of entries) {
          if (isFinal) reject(error)
          // Not in the lane: a stream that somebody holds for long delays nobody else.
          else void single(command, handler).then(resolve, reject)
        }
      }
    },
  })

  async function settled<C extends Command, Context, Answer>(
    command: C,
    handler: CommandHandler<C, Context, Answer>,
  ): Promise<BatchOutcome<C, Answer>> {
    try {
      return { status: 'decided', ...(await single(command, handler)) }
    } catch (error) {
      return { status: 'failed', command, error }
    }
  }

  async function batch<C extends Command, Context, Answer>(
    commands: readonly C[],
    handler: CommandHandler<C, Context, Answer>,
  ): Promise<BatchOutcome<C, Answer>[]> {
    const [first] = commands
    if (first === undefined) return []
    if (commands.length === 1) return [await settled(first, handler)]
    try {
      const decided = await retrying(() => once(commands, handler, []))
      return decided.map((item) => ({ status: 'decided' as const, ...item }))
    } catch (error) {
      if (error instanceof CameBackShort) return divide(commands, handler, error.losers)
      // Without a database, or when the commit may have happened, smaller batches are no help.
      if (error instanceof CommitUncertain || error instanceof StoreNotAdopted || isConnectionLoss(error)) {
        return commands.map((command) => ({ status: 'failed', command, error }))
      }
      // One bad command must not fail the others: halve until it is alone.
      const middle = Math.ceil(commands.length / 2)
      return [...(await batch(commands.slice(0, middle), handler)), ...(await batch(commands.slice(middle), handler))]
    }
  }

  // Those whose streams stood still go on as a batch, the others decide again one by one under their locks.
  async function divide<C extends Command, Context, Answer>(
    commands: readonly C[],
    handler: CommandHandler<C, Context, Answer>,
    losers: ReadonlySet<object>,
  ): Promise<BatchOutcome<C, Answer>[]> {
    const outcomes = new Map<C, BatchOutcome<C, Answer>>()
    const winners = commands.filter((command) => !losers.has(command))
    for (const outcome of await batch(winners, handler)) outcomes.set(outcome.command, outcome)
    for (const command of commands) if (losers.has(command)) outcomes.set(command, await settled(command, handler))
    return inOrder(commands, outcomes)
  }

  async function inWaves<C extends Command, Context, Answer>(
    commands: readonly C[],
    handler: CommandHandler<C, Context, Answer>,
  ): Promise<BatchOutcome<C, Answer>[]> {
    if (new Set(commands).size < commands.length) throw new TypeError('a command is in a batch once')
    const outcomes = new Map<C, BatchOutcome<C, Answer>>()
    for (const wave of splitIntoWaves(commands)) {
      for (const outcome of await batch(wave, handler)) outcomes.set(outcome.command, outcome)
    }
    return inOrder(commands, outcomes)
  }

  return {
    load: (refs) => runTransaction(pool, { tenantIds: refs.map((ref) => ref.tenantId) }, (tx) => loadStreams(tx, refs)),
    append: async (tx, items) => {
      await check(tx)
      return appendEvents(tx, items, options.metadata)
    },
    execute: (command, handler) => gathered.add(command, handler),
    executeBatch: inWaves,
  }
}

function losersOf(plan: AppendPlan<Command, unknown>, appended: readonly Appended[]): Set<object> {
  const losers = new Set<object>()
  let next = 0
  for (const { command, decision } of plan.decisions) {
    for (const item of decision.append) {
      if (item.events.length === 0) continue
      if (appended[next]?.moved !== true) losers.add(command)
      next += 1
    }
  }
  return losers
}

function inOrder<C extends Command, Answer>(
  commands: readonly C[],
  outcomes: ReadonlyMap<C, BatchOutcome<C, Answer>>,
): BatchOutcome<C, Answer>[] {
  return commands.map((command) => {
    const outcome = outcomes.get(command)
    if (outcome === undefined) throw new Error('a command of the batch was not decided')
    return outcome
  })
}
