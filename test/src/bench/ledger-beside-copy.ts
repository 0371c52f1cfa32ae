import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { eventStore, newId, type StreamRef } from '@countersign/event-store'
import type { EventData } from '@countersign/contracts'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { type Cost, costOf, cpuMsOfServer, ownCpuMs, round, type Spread, spreadOf } from './measure.ts'
import type { OpenedStore } from './opened-store.ts'

const commitRows = 256
/** How often the ledger's service signs a head while it appends. */
const checkpointEveryMs = 100

type EntryRow = {
  readonly logId: string
  readonly index: number
  readonly eventId: string
  readonly kind: string
  readonly streamId: string
  readonly version: number
  readonly leafHash: Buffer
  readonly leaf: Buffer
}

/** The ledger's own functions, which no other package needs: the bench takes them from behind its entry point. */
type LedgerParts = {
  appendBatch(
    pool: pg.Pool,
    options: { originHost: string; limit: number },
  ): Promise<{ events: number; logIds: string[] }>
  publishCheckpoint(
    pool: pg.Pool,
    logId: string,
    options: { key: KeyObject; mark: object },
  ): Promise<{ readonly status: string }>
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
    part('publish-checkpoint/published-mark'),
  ])
  return Object.assign({}, ...parts) as LedgerParts
}

export type LedgerBesideCopy = {
  readonly rowsPerCommit: number
  readonly rowsPerRound: number
  readonly leafBytes: number
  /** Rows per second of the ledger's whole append. */
  readonly ledger: Spread
  /** Rows per second of COPY BINARY of the same rows into a table with the same columns and indexes. */
  readonly rawCopyBinary: Spread
  /** Ledger ÷ raw, round by round. */
  readonly ratio: Spread
  readonly checkpoints: number
  readonly ledgerPerRow: { readonly nodeCpuUs: number | undefined; readonly postgresCpuUs: number | undefined }
  readonly rawPerRow: { readonly nodeCpuUs: number | undefined; readonly postgresCpuUs: number | undefined }
  /** Appending the events to the event store in the first place, batches of 100. */
  readonly append: Cost
}

export type BesideOptions = {
  readonly store: OpenedStore
  readonly dataDir: string
  readonly rounds: number
  readonly rowsPerRound: number
}

/**
 * T4: the ledger's append beside raw COPY BINARY of the same rows, interleaved round by round in one run, both in commits of
 * 256 rows with fsync. The ledger's side is all of it: reading the events through the gate, leaves, tree, entries, tiles,
 * head, cursor, and a signed checkpoint as often as the service makes one.
 */
export const measureLedger = async ({
  store,
  dataDir,
  rounds,
  rowsPerRound,
}: BesideOptions): Promise<LedgerBesideCopy> => {
  const clocks = { node: ownCpuMs, postgres: () => cpuMsOfServer(store.serverPid) }
  const parts = await ledgerParts()
  const pool = store.poolOf('ledger')
  const key = createPrivateKey(await readFile(store.key('log.pem')))
  const mark = parts.publishedMarkIn(`${dataDir}/published`)
  const publishing = { key, mark }
  await store.superuser.query('create schema bench')
  await store.superuser.query('create table bench.entry (like ledger.entry including all)')
  const append = appender(store)
  let checkpoints = 0

  const appendAll = async (): Promise<number> => {
    let [rows, signedAt] = [0, performance.now()]
    let logIds: readonly string[] = []
    const sign = async (): Promise<void> => {
      for (const logId of logIds) {
        const { status } = await parts.publishCheckpoint(pool, logId, publishing)
        if (status === 'refused') throw new Error('the checkpoint was refused')
        checkpoints += 1
      }
      signedAt = performance.now()
    }
    for (;;) {
      const batch = await parts.appendBatch(pool, { originHost: 'countersign.local', limit: commitRows })
      if (batch.events === 0) break
      rows += batch.events
      logIds = batch.logIds
      if (performance.now() - signedAt >= checkpointEveryMs) await sign()
    }
    await sign()
    return rows
  }
  const copyAll = async (batches: readonly (readonly EntryRow[])[]): Promise<number> => {
    const client = await store.superuser.connect()
    try {
      for (const batch of batches) {
        await client.query('begin')
        const into = client.query(copyFrom('copy bench.entry from stdin (format binary)'))
        await pipeline(Readable.from([parts.encodeEntries(batch)]), into)
        await client.query('commit')
      }
    } finally {
      client.release()
    }
    return batches.reduce((sum, batch) => sum + batch.length, 0)
  }

  await appendAll()
  const appended: Cost[] = []
  const ledger: Cost[] = []
  const raw: Cost[] = []
  let leafBytes = 0
  // The first round warms both sides up and counts for neither.
  for (let round = 0; round <= rounds; round += 1) {
    const made = await costOf(clocks, () => append(rowsPerRound))
    await store.superuser.query('vacuum analyze countersign.event')
    const size = await sizeOf(store)
    const appending = await costOf(clocks, appendAll)
    const rows = await entriesFrom(store, size)
    if (rows.length !== rowsPerRound) throw new Error(`the ledger took ${rows.length} of ${rowsPerRound} events`)
    const batches = Array.from({ length: Math.ceil(rows.length / commitRows) }, (_, at) =>
      rows.slice(at * commitRows, (at + 1) * commitRows),
    )
    const copying = await costOf(clocks, () => copyAll(batches))
    if (round === 0) continue
    appended.push(made)
    ledger.push(appending)
    raw.push(copying)
    leafBytes = rows.reduce((sum, { leaf }) => sum + leaf.length, 0) / rows.length
  }
  const rates = (costs: readonly Cost[]): number[] => costs.map(({ perSecond }) => perSecond)
  return {
    rowsPerCommit: commitRows,
    rowsPerRound,
    leafBytes: round(leafBytes, 0),
    ledger: spreadOf(rates(ledger), 0),
    rawCopyBinary: spreadOf(rates(raw), 0),
    ratio: spreadOf(ledger.map(({ perSecond }, at) => perSecond / (raw[at]?.perSecond ?? Number.NaN))),
    checkpoints,
    ledgerPerRow: cpuOf(ledger),
    rawPerRow: cpuOf(raw),
    append: medianCost(appended),
  }
}

const medianOf = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : spreadOf(known, 1).median
}
const cpuOf = (costs: readonly Cost[]) => ({
  nodeCpuUs: medianOf(costs.map(({ nodeCpuUs }) => nodeCpuUs)),
  postgresCpuUs: medianOf(costs.map(({ postgresCpuUs }) => postgresCpuUs)),
})
const medianCost = (costs: readonly Cost[]): Cost => {
  const sorted = costs.toSorted((a, b) => a.wallUs - b.wallUs)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('there was no round')
  return middle
}

const sizeOf = async ({ superuser, tenantId }: OpenedStore): Promise<number> => {
  const { rows } = await superuser.query<{ size: string }>(
    'select h.size from ledger.log_head h join ledger.log l using (log_id) where l.tenant_id = $1',
    [tenantId],
  )
  return Number(rows[0]?.size ?? 0)
}

const entriesFrom = async ({ superuser, tenantId }: OpenedStore, first: number): Promise<EntryRow[]> => {
  const { rows } = await superuser.query<Record<string, never>>(
    `select e.* from ledger.entry e join ledger.log l using (log_id) where l.tenant_id = $1 and e.idx >= $2 order by e.idx`,
    [tenantId, first],
  )
  return rows.map((row) => ({
    logId: row['log_id'] as never,
    index: Number(row['idx']),
    eventId: row['event_id'] as never,
    kind: row['kind'] as never,
    streamId: row['stream_id'] as never,
    version: Number(row['version']),
    leafHash: row['leaf_hash'] as never,
    leaf: row['leaf'] as never,
  }))
}

/** Appends events like those of a published intent, each to a stream of its own, 100 in a transaction as intake does. */
const appender = (store: OpenedStore): ((events: number) => Promise<number>) => {
  const { tenantId, superuser } = store
  const target = eventStore(store.poolOf('intake'), { metadata: { service: 'intake', producer: 'etl' } })
  return async (events) => {
    const { rows } = await superuser.query<{ data: EventData<'ActionIntentPublished'> }>(
      `select data from countersign.event where kind = 'intent' and version = 1 and tenant_id = $1 limit 1`,
      [tenantId],
    )
    const [sample] = rows
    if (sample === undefined) throw new Error('there is no intent to take as a sample')
    const { subjects: _, ...data } = sample.data
    for (let at = 0; at < events; at += 100) {
      const commands = Array.from({ length: Math.min(100, events - at) }, () => {
        const stream: StreamRef = { kind: 'intent', streamId: newId(), tenantId }
        return { streams: [stream] }
      })
      const outcomes = await target.executeBatch(commands, {
        decide: ({ streams: [stream] }) => {
          if (stream === undefined) throw new Error('a command has a stream')
          const event = { type: 'ActionIntentPublished' as const, data: { ...data, intentId: stream.streamId } }
          return { append: [{ stream, events: [event] }], answer: undefined }
        },
      })
      if (outcomes.some(({ status }) => status !== 'decided')) throw new Error('an event was not appended')
    }
    return events
  }
}
