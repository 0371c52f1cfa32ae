import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { storePool } from '@countersign/event-store'
import type pg from 'pg'
import { roundOf } from '../compare.ts'
import { poolSize } from '../opened-store.ts'
import type { OpenSide } from '../side/side.ts'
import type { EntryRow } from './entry-rows.ts'
import { clocksOf, type StoreAddress } from './store-address.ts'

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
  readonly encodeEntries: (rows: readonly EntryRow[]) => Buffer
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

/** The ledger's own encoding of rows for COPY BINARY. */
export const encoder = async (): Promise<LedgerParts['encodeEntries']> => (await ledgerParts()).encodeEntries

/**
 * The ledger's append, called as its service calls it, in commits of so many rows: a round takes every event that is not in a
 * log yet, while heads are signed and published beside it as in the service.
 */
export const open: OpenSide<StoreAddress, undefined> = async (store) => {
  const parts = await ledgerParts()
  const pool = storePool({ connectionString: store.ledgerUrl, max: poolSize, applicationName: 'bench' })
  // The server ends idle connections when it stops; whoever is using one hears of it at the query.
  pool.on('error', () => undefined)
  const key = createPrivateKey(await readFile(store.logKeyFile))
  const publishing = { key, mark: parts.publishedMarkIn(store.publishedFolder) }
  const appender = new parts.LedgerAppender(pool, { originHost: 'countersign.local', limit: store.rowsPerCommit })
  const failures: unknown[] = []
  const refused = ({ status }: { readonly status: string }): void => {
    if (status === 'refused') failures.push(new Error('the checkpoint was refused'))
  }
  const appendAll = async (): Promise<number> => {
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
  }
  return { round: () => roundOf(clocksOf(store), appendAll), close: () => pool.end() }
}
