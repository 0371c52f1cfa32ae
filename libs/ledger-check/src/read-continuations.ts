import { registerStream } from '@countersign/event-store'
import { type Continuation, continuationIn } from './continuation.ts'
import type { Database } from './read-tile.ts'

/** An entry that tells of a continuation, with its leaf to be proven. */
export interface ContinuationEntry extends Continuation {
  readonly leaf: Buffer
}

/** Every time that a log went on under another origin, as its own entries tell it, oldest first. Nothing is checked yet. */
export const readContinuations = async (
  db: Database,
  { logId, tenantId }: { readonly logId: string; readonly tenantId: string },
): Promise<ContinuationEntry[]> => {
  const { rows } = await db.query<{ idx: string; leaf: Buffer }>(
    `select idx, leaf from ledger.entry where log_id = $1 and kind = 'register' and stream_id = $2 order by version`,
    [logId, registerStream(tenantId, 'store').streamId],
  )
  return rows.flatMap(({ idx, leaf }) => {
    const continuation = continuationIn(leaf, Number(idx))
    return continuation === undefined || continuation.logId !== logId ? [] : [{ ...continuation, leaf }]
  })
}
