import { Refused } from '@countersign/service-kit'
import type { EventStore } from '@countersign/event-store'
import type { ClientCaller } from '../caller.ts'
import { attemptsOfDay, countAttempts, recordAttempt, roomFor, type RefusedAttempt } from './refused-attempts.ts'

/**
 * Records requests that were refused before there was an intent: code and field, never content. What could not be recorded
 * is not answered as a refusal, so that no attempt is lost.
 */
export class RefusedRequests {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  /** Runs a check of the caller's request; when it refuses, the refusal is recorded and passed on. */
  async recording<Value>(caller: ClientCaller, check: () => Value): Promise<Value> {
    try {
      return check()
    } catch (error) {
      if (error instanceof Refused) await this.record(caller, error.source.code, error.source.pointer)
      throw error
    }
  }

  async record(
    caller: Pick<ClientCaller, 'tenantId' | 'producer' | 'clientId'>,
    code: string,
    pointer: string | undefined,
  ): Promise<void> {
    const { tenantId, producer, clientId } = caller
    // The day's stream is known once the database has told the time; attempts need no lock and no version.
    const day = {
      kind: 'attempts' as const,
      streamId: attemptsOfDay(tenantId, producer, new Date().toISOString()),
      tenantId,
    }
    await this.#store.execute(
      { streams: [day] },
      {
        read: (tx) => roomFor(tx, [{ tenantId, source: clientId }]),
        decide: (_command, _loaded, room: Map<string, number>) => {
          const attempt: RefusedAttempt = {
            tenantId,
            source: clientId,
            streamId: day.streamId,
            code,
            event: {
              type: 'ActionIntentRefused',
              data: {
                producer,
                code,
                ...(pointer === undefined || pointer === '' ? {} : { pointer: pointer.slice(0, 256) }),
                count: 1,
              },
            },
          }
          const append = recordAttempt(attempt, room)
          return { append, answer: { ...attempt, recorded: append.length > 0 } }
        },
        effects: (tx, decided) =>
          countAttempts(
            tx,
            decided.map(({ answer }) => answer),
          ),
      },
    )
  }
}
