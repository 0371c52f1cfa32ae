import type pg from 'pg'
import { figuresOf, ratioOf } from '../compare.ts'
import { type Cost, costOf } from '../measure.ts'
import type { OpenedStore } from '../opened-store.ts'
import type { Round } from '../side/side.ts'
import { startSides } from '../side/side-process.ts'
import { measured, type Measured } from '../targets.ts'
import { eventAppender } from './appended-events.ts'
import { type NewRows, sizeOfLog } from './entry-rows.ts'
import { savedAtOnce } from './saved-rows.ts'
import { addressOf, clocksOf } from './store-address.ts'

const rowsPerCommit = 256

/** Rounds that count for no side: a service appends for hours, and its code is compiled by then. */
const warmUps = 3

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
 * tiles, head, cursor, and a signed checkpoint as often as the service makes one. Each side is a process of its own.
 */
export const measureLedger = async (
  store: OpenedStore,
  { dataDir, rounds, rowsPerRound }: LedgerScale & { readonly dataDir: string },
): Promise<LedgerFigures> => {
  const { tenantId, superuser } = store
  const address = addressOf(store, { dataDir, rowsPerCommit })
  await superuser.query('create schema bench')
  const sides = await startSides({ 'ledger-append': address, 'copied-rows': address, 'saved-rows': address })
  const appendEvents = eventAppender(store)
  const clocks = clocksOf(address)
  const appended: Cost[] = []
  const done: Record<'ledger' | 'copied' | 'saved', Round[]> = { ledger: [], copied: [], saved: [] }
  try {
    await sides['ledger-append'].round(undefined)
    // The ledger comes first in each round: its rows are the others'.
    for (let at = -warmUps; at < rounds; at += 1) {
      const made = await costOf(clocks, () => appendEvents(rowsPerRound))
      await superuser.query('vacuum analyze countersign.event')
      const newRows: NewRows = { tenantId, first: await sizeOfLog(store), count: rowsPerRound }
      const ledger = await sides['ledger-append'].round(undefined)
      const others = at % 2 === 0 ? (['copied', 'saved'] as const) : (['saved', 'copied'] as const)
      const took = { ledger, copied: ledger, saved: ledger }
      for (const other of others) took[other] = await sides[`${other}-rows`].round(newRows)
      if (at < 0) continue
      appended.push(made)
      for (const side of ['ledger', 'copied', 'saved'] as const) done[side].push(took[side])
    }
  } finally {
    await sides.closeAll()
  }
  const ours = figuresOf(`ledger append, commits of ${rowsPerCommit}, checkpoints included`, done.ledger)
  return {
    rowsPerRound,
    leafBytes: await leafBytesOf(superuser),
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

const leafBytesOf = async (superuser: pg.Pool): Promise<number> => {
  const { rows } = await superuser.query<{ bytes: number }>(
    'select avg(octet_length(leaf))::integer as bytes from bench.copied_entry',
  )
  return rows[0]?.bytes ?? 0
}

const medianCost = (costs: readonly Cost[]): Cost => {
  const sorted = costs.toSorted((a, b) => a.wallUs - b.wallUs)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('there was no round')
  return middle
}
