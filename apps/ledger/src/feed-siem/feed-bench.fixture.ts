import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus, OutboundRecord } from '@countersign/bus'
import { newId } from '@countersign/event-store'
import { freshLedger, type LedgerStore, type RowOfEvent } from '../ledger-store.fixture.ts'
import { publishCheckpoint, unpublishedLogs } from '../publish-checkpoint/publish-checkpoint.ts'
import { publishedMarkIn } from '../publish-checkpoint/published-mark.ts'
import { type FedBatch, feedBatch } from './feed-batch.ts'
import { IntentContexts } from './intent-contexts.ts'

/** A row of the topic as a SIEM reads it. */
export interface FedRow {
  readonly class_uid: number
  readonly is_alert: boolean
  readonly metadata: {
    readonly uid: string
    readonly tenant_uid: string
    readonly log_name: string
    readonly sequence: number
    readonly event_code: string
  }
  readonly raw_data_hash: { readonly value: string }
  readonly unmapped: Readonly<Record<string, unknown>>
}

export interface FeedBench extends LedgerStore {
  /** Appends the rows to the logs and publishes a checkpoint of each. */
  grow(rows: readonly RowOfEvent[]): Promise<void>
  /** Publishes a checkpoint of each log that has none for its head. */
  publishHeads(): Promise<void>
  /** A feeder of its own: feeds batches into a bus until nothing is left, and answers the last of them. */
  feeder(bus: Pick<Bus, 'publish'>, limit?: number): () => Promise<FedBatch>
}

/** A ledger with a signing key and a mark of its own. */
export const freshFeedBench = async (): Promise<FeedBench> => {
  const store = await freshLedger()
  const folder = await mkdtemp(join(tmpdir(), 'countersign-feed-'))
  const options = { key: generateKeyPairSync('ed25519').privateKey, mark: publishedMarkIn(folder) }
  const publishHeads = async () => {
    for (const logId of await unpublishedLogs(store.ledger)) {
      const { status } = await publishCheckpoint(store.ledger, logId, options)
      if (status !== 'published') throw new Error(`the checkpoint is ${status}`)
    }
  }
  return {
    ...store,
    publishHeads,
    grow: async (rows) => {
      await store.insert(rows)
      await store.appendAll()
      await publishHeads()
    },
    feeder: (bus, limit) => {
      const contexts = new IntentContexts(store.ledger)
      const holder = newId()
      return async () => {
        for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
          const given = { pool: store.ledger, bus, contexts, holder, ...(limit === undefined ? {} : { limit }) }
          const batch = await feedBatch(given, after)
          if (batch.records === 0) return batch
          after = [...batch.logs.keys()].at(-1) ?? after
        }
      }
    },
    drop: async () => {
      await store.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Keeps what was published, a batch per call. */
export class Topic {
  readonly batches: (readonly OutboundRecord[])[] = []

  publish = async (records: readonly OutboundRecord[]): Promise<void> => {
    this.batches.push(records)
  }

  get records(): readonly OutboundRecord[] {
    return this.batches.flat()
  }

  rows(): FedRow[] {
    return this.records.map(rowOf)
  }

  /** Sequences of a log in the order of arrival, repeats included. */
  sequences(origin: string): number[] {
    return this.rows().flatMap(({ metadata }) => (metadata.log_name === origin ? [metadata.sequence] : []))
  }
}

export const rowOf = ({ value }: { readonly value: Uint8Array | null }): FedRow =>
  JSON.parse(Buffer.from(value ?? []).toString()) as FedRow

/** Without repeats, in the order of first arrival. */
export const firstArrivals = (sequences: readonly number[]): number[] => [...new Set(sequences)]

/** `0, 1, … size - 1`. */
export const upTo = (size: number): number[] => Array.from({ length: size }, (_, at) => at)
