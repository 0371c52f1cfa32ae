import { type IntentContext, intentContext } from '@countersign/audit-row'
import type { RecordedEventOf } from '@countersign/contracts'
import { eventInLeaf } from '@countersign/ledger-check'
import type { Pool } from 'pg'
import { readableEvent } from './audit-record.ts'
import type { SoundEntry } from './sound-entries.ts'

/** An entry with its event, if this version can read it. */
export interface ReadEntry {
  readonly entry: SoundEntry
  readonly event: RecordedEventOf | undefined
}

/** Intents that are remembered; an older one is looked up again. */
const REMEMBERED = 20_000

/**
 * What each intent is about: its first event tells, and later ones don't repeat it. Those that pass by are remembered, so
 * the log is asked only about intents that began before this process did, once per batch.
 */
export class IntentContexts {
  readonly #pool: Pool
  readonly #known = new Map<string, IntentContext>()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** The contexts of a batch's entries, by `contextKey`; there is none for what belongs to no intent. */
  async of(batch: readonly ReadEntry[]): Promise<ReadonlyMap<string, IntentContext>> {
    for (const { entry, event } of batch) this.#remember(contextKey(entry), event)
    const found = new Map<string, IntentContext>()
    const unknown = new Map<string, SoundEntry>()
    for (const { entry } of batch) {
      const key = contextKey(entry)
      const context = this.#known.get(key)
      if (context !== undefined) found.set(key, context)
      else if (entry.event.kind !== 'register') unknown.set(key, entry)
    }
    for (const [key, event] of await this.#firstEvents([...unknown.values()])) {
      const context = this.#remember(key, event)
      if (context !== undefined) found.set(key, context)
    }
    return found
  }

  #remember(key: string, event: RecordedEventOf | undefined): IntentContext | undefined {
    if (event?.type !== 'ActionIntentPublished' || event.version !== 1) return undefined
    const context = intentContext(event as RecordedEventOf<'ActionIntentPublished'>)
    this.#known.set(key, context)
    const [oldest] = this.#known.keys()
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest)
    return context
  }

  async #firstEvents(entries: readonly SoundEntry[]): Promise<[string, RecordedEventOf | undefined][]> {
    if (entries.length === 0) return []
    const { rows } = await this.#pool.query<{ at: number; leaf: Buffer }>({
      name: 'ledger_first_entries',
      text: `
        select s.at::int as at, first.leaf
        from unnest($1::uuid[], $2::uuid[]) with ordinality as s(log_id, stream_id, at)
        cross join lateral (
          select leaf from ledger.entry e
          where e.log_id = s.log_id and e.kind = 'intent' and e.stream_id = s.stream_id and e.version = 1 limit 1
        ) as first`,
      values: [entries.map(({ logId }) => logId), entries.map(({ event }) => event.streamId)],
    })
    return rows.flatMap(({ at, leaf }) => {
      const entry = entries[at - 1]
      const event = eventInLeaf(leaf)
      return entry === undefined || event === undefined ? [] : [[contextKey(entry), readableEvent({ ...entry, event })]]
    })
  }
}

/** Names an intent of a log. */
export const contextKey = ({ logId, event }: SoundEntry): string => `${logId}/${event.streamId}`
