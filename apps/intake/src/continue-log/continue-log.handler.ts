import {
  isRefusal,
  refuse,
  type ContinuedLogView,
  type EventData,
  type Refusal,
  type RefusedLog,
} from '@countersign/contracts'
import {
  type DeploymentOperators,
  type EventStore,
  operatesDeployment,
  type LogRefusal,
  logRefusals,
  registerStream,
  type StreamRef,
} from '@countersign/event-store'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'
import { decideContinuation } from './decide-continuation.ts'

export type ContinueLogOptions = {
  readonly pool: pg.Pool
  readonly store: EventStore
  readonly operators: DeploymentOperators
}

type OfLog = { readonly streams: readonly [StreamRef]; readonly log: string }
type Continued = EventData<'LogContinued'> | Refusal

/**
 * Lets a log that lost entries with a restored database go on under another origin. It is the operator's act that is
 * recorded here; the ledger, which alone has the mark and the key, signs when what the act says is what it finds.
 */
export class ContinueLog {
  readonly #options: ContinueLogOptions

  constructor(options: ContinueLogOptions) {
    this.#options = options
  }

  async continue(
    caller: PersonCaller,
    { log, reason }: { readonly log: string; readonly reason: string },
  ): Promise<ContinuedLogView | Refusal> {
    const { pool, store, operators } = this.#options
    if (!(await operatesDeployment(operators, caller))) return refuse('not_allowed')
    const refused = await refusalOf(pool, log)
    if (refused === undefined) return refuse('log_in_order')
    const { tenantId } = refused
    const by = tenantId === caller.tenantId ? caller.subjectId : null
    const command: OfLog = { streams: [registerStream(tenantId, 'store')], log }
    const { answer } = await store.execute<OfLog, LogRefusal | undefined, Continued>(command, {
      read: (tx) => refusalOf(tx, log),
      decide: ({ streams: [stream] }, loaded, now) => {
        const decided = decideContinuation({ log, reason, by }, now, loaded.of(stream).events)
        const events = isRefusal(decided) ? [] : [{ type: 'LogContinued' as const, data: decided }]
        return { append: [{ stream, events }], answer: decided }
      },
    })
    if (isRefusal(answer)) return answer
    const { origin, former, keptSize } = answer
    return { log, origin, formerOrigin: former.origin, formerSize: former.size, keptSize }
  }
}

const refusalOf = async (db: Parameters<typeof logRefusals>[0], log: string): Promise<LogRefusal | undefined> =>
  (await logRefusals(db)).find(({ logId }) => logId === log)

/** Logs of the whole deployment that are not signed, as operators see them. */
export const refusedLogs = async (pool: pg.Pool): Promise<RefusedLog[]> =>
  (await logRefusals(pool)).map(({ logId, code, lost }) => ({
    log: logId,
    code,
    ...(lost === undefined ? {} : { former: { origin: lost.origin, size: lost.size }, keptSize: lost.keptSize }),
  }))
