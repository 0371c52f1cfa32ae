import { figuresOf, ratioOf, roundOf } from '../compare.ts'
import { type Cost, costOf, cpuMsOfServer, ownCpuMs } from '../measure.ts'
import { type OpenedStore, poolSize } from '../opened-store.ts'
import type { Round } from '../side/side.ts'
import { measured, type Measured } from '../targets.ts'
import { eventAppender } from './appended-events.ts'
import { chunksOf, copyRows, entriesFrom, makeTableLikeEntry, sizeOfLog } from './entry-rows.ts'
import { openLedgerAppend } from './ledger-append.ts'
import { openSavedRows, savedAtOnce } from './saved-rows.ts'

const rowsPerCommit = 256

export type LedgerFigures = {
  readonly rowsPerRound: number
  readonly leafBytes: number
  /** Appending the events to the event store in the first place, batches of 100. */
  readonly append: Cost
  readonly targets: readonly Measured[]
}

export type LedgerScale = { readonly rounds: number; readonly rowsPerRound: number }

/**
 * T4 and T5: the ledger's append beside the same rows written without any evidence, into tables with the same columns,
 * checks and indexes, on the same server with durable commits: by COPY BINARY in commits of as many rows, and by
 * TypeORM's `save` of 500. The ledger's side is all of it: reading the events through the gate, leaves, tree, entries,
 * tiles, head, cursor, and a signed checkpoint as often as the service makes one.
 */
export const measureLedger = async (
  store: OpenedStore,
  { dataDir, rounds, rowsPerRound }: LedgerScale & { readonly dataDir: string },
): Promise<LedgerFigures> => {
  const clocks = { node: ownCpuMs, postgres: () => cpuMsOfServer(store.serverPid) }
  const ledger = await openLedgerAppend(store, { dataDir, rowsPerCommit })
  await store.superuser.query('create schema bench')
  await makeTableLikeEntry(store, 'copied_entry')
  await makeTableLikeEntry(store, 'saved_entry')
  const saved = await openSavedRows(store.superuserUrl, poolSize)
  const appendEvents = eventAppender(store)
  const appended: Cost[] = []
  const done: Record<'ledger' | 'copied' | 'saved', Round[]> = { ledger: [], copied: [], saved: [] }
  let leafBytes = 0
  try {
    await ledger.appendAll()
    // The first round warms all sides up and counts for none. The ledger comes first in each: its rows are the others'.
    for (let at = 0; at <= rounds; at += 1) {
      const made = await costOf(clocks, () => appendEvents(rowsPerRound))
      await store.superuser.query('vacuum analyze countersign.event')
      const size = await sizeOfLog(store)
      const appending = await roundOf(clocks, () => ledger.appendAll())
      const rows = await entriesFrom(store, size)
      if (rows.length !== rowsPerRound) throw new Error(`the ledger took ${rows.length} of ${rowsPerRound} events`)
      const copy = () => copyRows(store.superuser, chunksOf(rows, rowsPerCommit), ledger.encode)
      const save = () => saved.save(rows)
      const first = await roundOf(clocks, at % 2 === 0 ? copy : save)
      const second = await roundOf(clocks, at % 2 === 0 ? save : copy)
      if (at === 0) continue
      appended.push(made)
      done.ledger.push(appending)
      done.copied.push(at % 2 === 0 ? first : second)
      done.saved.push(at % 2 === 0 ? second : first)
      leafBytes = rows.reduce((sum, { leaf }) => sum + leaf.length, 0) / rows.length
    }
  } finally {
    await saved.close()
  }
  const ours = figuresOf(`ledger append, commits of ${rowsPerCommit}, checkpoints included`, done.ledger)
  return {
    rowsPerRound,
    leafBytes: Math.round(leafBytes),
    append: medianCost(appended),
    targets: [
      measured('T4', {
        ours,
        yardstick: figuresOf(`COPY BINARY, commits of ${rowsPerCommit}, same rows and indexes`, done.copied),
        ratio: ratioOf(done.ledger, done.copied, 'perSecond'),
      }),
      measured('T5', {
        ours,
        yardstick: figuresOf(`TypeORM save of ${savedAtOnce}, same rows and indexes`, done.saved),
        ratio: ratioOf(done.ledger, done.saved, 'perSecond'),
      }),
    ],
  }
}

const medianCost = (costs: readonly Cost[]): Cost => {
  const sorted = costs.toSorted((a, b) => a.wallUs - b.wallUs)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('there was no round')
  return middle
}
