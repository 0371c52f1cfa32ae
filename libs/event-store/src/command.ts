import type { Appended, StreamAppend } from './append-events.ts'
import type { Loaded } from './load-streams.ts'
import { distinctStreams, type StoredEvent, type StreamEvents, type StreamRef, streamKey } from './stream.ts'
import type { Transaction } from './transaction.ts'

/**
 * A command names every stream that its decision reads or moves. Attempts are named only to be read; they are not
 * locked, so what must happen once per intent names the intent too. Whatever no stream tells is in `tenantIds`.
 */
export type Command = { readonly streams: readonly StreamRef[]; readonly tenantIds?: readonly string[] }

/** What a pure decision asks for. Streams other than attempts move from the version that was loaded. */
export type Decision<Answer> = { readonly append: readonly StreamEvents[]; readonly answer: Answer }

/** A command that was decided and appended, as the effects and the caller get it. */
export type Decided<C extends Command, Answer> = {
  readonly command: C
  readonly answer: Answer
  readonly events: readonly StoredEvent[]
}

/**
 * How a kind of command is decided, for one command and for a batch alike.
 * Everything runs in one transaction: `read` before the first write, `effects` after the append. All of it may run
 * several times, each in a new transaction after the last one was rolled back.
 */
export type CommandHandler<C extends Command, Context, Answer> = {
  /** Reads what the decision needs beside the streams, for all commands in one go. Must not write or lock rows. */
  readonly read?: (tx: Transaction, commands: readonly C[], loaded: Loaded) => Promise<Context>
  /** Pure: no clock (the database's is `loaded.now`), no I/O. */
  readonly decide: (command: C, loaded: Loaded, context: Context) => Decision<Answer>
  /** Writes rows, inbox entries and reservations that belong to the events. */
  readonly effects?: (tx: Transaction, decided: readonly Decided<C, Answer>[]) => Promise<void>
}

/** Decided commands with the streams they move: those of several commands appear once. */
export type AppendPlan<C extends Command, Answer> = {
  readonly decisions: readonly { readonly command: C; readonly decision: Decision<Answer> }[]
  readonly appends: readonly StreamAppend[]
}

/**
 * Merges the decisions of several commands into one append. Throws when a decision moves a stream that its command
 * did not name, or when two commands move the same stream from the same version.
 */
export function planAppend<C extends Command, Answer>(
  decisions: AppendPlan<C, Answer>['decisions'],
  loaded: Loaded,
): AppendPlan<C, Answer> {
  const appends: StreamAppend[] = []
  const movers = new Map<string, object>()
  for (const entry of decisions) {
    for (const untraced of entry.decision.append) {
      if (untraced.events.length === 0) continue
      const item = inTraceOf(untraced, entry.command, loaded)
      if (item.stream.kind === 'attempts') {
        appends.push({ ...item, expectedVersion: null })
        continue
      }
      const key = streamKey(item.stream)
      if (!entry.command.streams.some((ref) => streamKey(ref) === key)) {
        throw new Error('a decision moves only streams that its command names')
      }
      if (movers.has(key)) throw new Error('a stream is moved by one decision, once')
      movers.set(key, entry)
      appends.push({ ...item, expectedVersion: loaded.of(item.stream).version })
    }
  }
  return { decisions, appends }
}

/** Whatever follows from an intent belongs to the trace that published it, unless the append names another. */
const inTraceOf = (item: StreamEvents, command: Command, loaded: Loaded): StreamEvents => {
  const intent = command.streams.find(({ kind, streamId }) => kind === 'intent' && streamId === item.stream.streamId)
  const traceparent = intent === undefined ? undefined : loaded.of(intent).events[0]?.metadata.traceparent
  if (traceparent === undefined || item.metadata?.traceparent !== undefined) return item
  return { ...item, metadata: { ...item.metadata, traceparent } }
}

/** Number of events in a plan. */
export const eventCount = (plan: { readonly appends: readonly StreamAppend[] }): number =>
  plan.appends.reduce((count, item) => count + item.events.length, 0)

/** The decided commands with their recorded events. */
export function decidedOf<C extends Command, Answer>(
  plan: AppendPlan<C, Answer>,
  appended: readonly Appended[],
): Decided<C, Answer>[] {
  let next = 0
  return plan.decisions.map(({ command, decision }) => {
    const count = decision.append.filter((item) => item.events.length > 0).length
    const own = appended.slice(next, next + count)
    next += count
    return { command, answer: decision.answer, events: own.flatMap((item) => item.events) }
  })
}

/** Streams of the commands, each once. */
export const streamsOf = (commands: readonly Command[]): StreamRef[] =>
  distinctStreams(commands.flatMap((command) => command.streams))

/** Tenants for which the transaction of the commands has to see rows. */
export const tenantsOf = (commands: readonly Command[]): string[] =>
  commands.flatMap((command) => [...command.streams.map((ref) => ref.tenantId), ...(command.tenantIds ?? [])])
