import { isRefusal } from '@countersign/contracts'
import { type BearerVerifier, type EdgeRefusal, Refused } from '@countersign/service-kit'
import type { Identity } from '@countersign/identity'
import type pg from 'pg'
import type { EventStore } from '@countersign/event-store'
import { clientCaller, type ClientCaller } from '../caller.ts'
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

/**
 * Records what the HTTP edge refused on its own, for callers whose token says which producer they are. Others are strangers:
 * they have no stream, and are counted by the edge's metrics.
 */
export const recordEdgeRefusals =
  (refused: RefusedRequests, { pool, verifier }: { pool: pg.Pool; verifier: BearerVerifier<Identity> }) =>
  async ({ method, path, authorization, code, pointer }: EdgeRefusal): Promise<void> => {
    if (method !== 'POST' || path !== '/v1/intents' || authorization === undefined) return
    const bearer = /^Bearer +(\S{1,8192})$/i.exec(authorization)?.[1]
    const verified = bearer === undefined ? undefined : await verifier.verify(bearer)
    if (verified?.ok !== true) return
    const caller = await clientCaller(pool, verified.identity)
    if (!isRefusal(caller)) await refused.record(caller, code, pointer)
  }
