import type { ClientBase } from 'pg'
import type { Findings } from './finding.ts'
import { judgeEntry } from './judge-entry.ts'
import { entryPages, eventsOf, tileHashes } from './read-evidence.ts'

// A place without any hash at all: no leaf has this one.
const NOTHING = Buffer.alloc(32)

/**
 * Leaf hashes of a log in order, each recomputed from its event row, for the tree to be built from. What does not agree
 * on the way is added to the findings. Below `vouchedSize` the tiles are known to be right.
 */
export async function* checkedLeaves(
  client: ClientBase,
  log: { readonly logId: string; readonly tenantId: string; readonly vouchedSize: number },
  findings: Findings,
): AsyncGenerator<Uint8Array> {
  const suspects = new Set<number>()
  let next = 0
  for await (const entries of entryPages(client, log.logId)) {
    const last = entries.at(-1)?.index ?? next
    const hashInTile = await tileHashes(client, log.logId, { first: next, last })
    const events = await eventsOf(client, entries)
    for (const [at, entry] of entries.entries()) {
      for (; next < entry.index; next += 1) {
        findings.add({ code: 'entry_missing', index: next })
        suspects.add(next)
        yield hashInTile(next) ?? NOTHING
      }
      const event = events.get(at)
      const { findings: found, hash } = judgeEntry({
        logId: log.logId,
        entry,
        // A row that was moved to another tenant is gone from this one.
        event: event?.tenantId === log.tenantId ? event : undefined,
        tileHash: hashInTile(entry.index),
        isTileVouched: entry.index < log.vouchedSize,
        isPrevSuspect: entry.prevIndex === null ? entry.version > 1 : suspects.has(entry.prevIndex),
      })
      if (found.length > 0) suspects.add(entry.index)
      findings.add(...found)
      yield hash
      next += 1
    }
  }
}
