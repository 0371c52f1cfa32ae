import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type pg from 'pg'
import type { OpenedStore } from '../opened-store.ts'
import type { EntryRow } from './entry-rows.ts'

/** The ledger's own functions, which no other package needs: the bench takes them from behind its entry point. */
type LedgerParts = {
  LedgerAppender: new (
    pool: pg.Pool,
    options: { originHost: string; limit: number },
  ) => { append(): Promise<{ events: number; logIds: string[] }> }
  publishCheckpoint(
    pool: pg.Pool,
    logId: string,
    options: { key: KeyObject; mark: object },
  ): Promise<{ readonly status: string }>
  publishHeads(options: {
    pool: pg.Pool
    key: KeyObject
    mark: object
    onOutcome: (outcome: { readonly status: string }) => void
    onSuccess: () => void
    onFailure: (error: unknown) => void
  }): { wake(): void; stop(): Promise<void> }
  publishedMarkIn(folder: string): object
  encodeEntries(rows: readonly EntryRow[]): Buffer
}

const ledgerParts = async (): Promise<LedgerParts> => {
  const entry = import.meta.resolve('@countersign/ledger')
  const suffix = entry.endsWith('.ts') ? 'ts' : 'js'
  const part = (path: string): Promise<Partial<LedgerParts>> =>
    import(new URL(`${path}.${suffix}`, entry).href) as Promise<Partial<LedgerParts>>
  const parts = await Promise.all([
    part('append-entry/append-batch'),
    part('append-entry/encode-entries'),
    part('publish-checkpoint/publish-checkpoint'),
    part('publish-checkpoint/publish-heads'),
    part('publish-checkpoint/published-mark'),
  ])
  return Object.assign({}, ...parts) as LedgerParts
}

export type LedgerAppend = {
  /** Takes every event that is not in a log yet, while heads are signed and published beside it as in the service. */
  appendAll(): Promise<number>
  /** The ledger's own encoding of rows for COPY BINARY. */
  readonly encode: (rows: readonly EntryRow[]) => Buffer
}

/** The ledger's append, called as its service calls it, in commits of so many rows. */
export const openLedgerAppend = async (
  store: OpenedStore,
  { dataDir, rowsPerCommit }: { readonly dataDir: string; readonly rowsPerCommit: number },
): Promise<LedgerAppend> => {
  const parts = await ledgerParts()
  const pool = store.poolOf('ledger')
  const key = createPrivateKey(await readFile(store.key('log.pem')))
  const publishing = { key, mark: parts.publishedMarkIn(`${dataDir}/published`) }
  const appender = new parts.LedgerAppender(pool, { originHost: 'countersign.local', limit: rowsPerCommit })
  const failures: unknown[] = []
  const refused = ({ status }: { readonly status: string }): void => {
    if (status === 'refused') failures.push(new Error('the checkpoint was refused'))
  }
  return {
    appendAll: async () => {
      const publisher = parts.publishHeads({
        pool,
        ...publishing,
        onOutcome: refused,
        onSuccess: () => undefined,
        onFailure: (error) => failures.push(error),
      })
      let rows = 0
      let logIds: readonly string[] = []
      for (;;) {
        const batch = await appender.append()
        if (batch.events === 0) break
        rows += batch.events
        logIds = batch.logIds
        publisher.wake()
      }
      await publisher.stop()
      // The service would sign the end of the log within its spacing; here it belongs to the round.
      for (const logId of logIds) refused(await parts.publishCheckpoint(pool, logId, publishing))
      if (failures.length > 0) throw failures[0]
      return rows
    },
    encode: (rows) => parts.encodeEntries(rows),
  }
}
