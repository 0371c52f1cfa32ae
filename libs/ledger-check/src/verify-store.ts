import { checkOut } from '@countersign/event-store'
import { type Checkpoint, type NoteVerifier, openCheckpoint, parseVerifierKey } from '@countersign/merkle-log'
import type { ClientBase, Pool } from 'pg'
import { fateOf, isOriginFrom } from './continuation.ts'
import { readContinuations } from './read-continuations.ts'
import { checkedLeaves } from './check-entries.ts'
import { checkEvents, type EventsCheck, type Reached } from './check-events.ts'
import { checkTree, type DescribedLog, vouchedSize } from './check-tree.ts'
import { type Finding, Findings } from './finding.ts'

/** Exit codes of a check: all is well · something differs · there was nothing trustworthy to check against. */
export const verdictCodes = { ok: 0, diverged: 30, invalid: 40 } as const
export type Verdict = keyof typeof verdictCodes

export interface VerifyStoreOptions {
  /** Connections that see the events and subjects of all tenants, such as the ledger's own role or a superuser. */
  readonly pg: Pool
  /** Id of the log. */
  readonly log: string
  /**
   * A signed checkpoint of this log that was saved earlier, outside of the database, and the verifier key that its
   * reader trusts. Without it the store is only held against itself: who rewrote all of it is not found.
   */
  readonly knownCheckpoint?: { readonly note: string; readonly vkey: string }
}

export interface StoreReport {
  readonly verdict: Verdict
  readonly exitCode: (typeof verdictCodes)[Verdict]
  readonly log: string
  /** Entries of the log. */
  readonly entries: number
  readonly counts: EventsCheck
  /** The first 1,000 findings. */
  readonly findings: readonly Finding[]
  readonly totalFindings: number
  /** Why there is no checkpoint to check against, with verdict `invalid`. */
  readonly invalid?: string
  /** Size of the checkpoint that the log was held against; undefined when it was held only against itself. */
  readonly checkpointSize?: number
}

interface Anchor {
  readonly checkpoint: Checkpoint
  readonly verifier: NoteVerifier
}

/**
 * Recomputes a log from the event table and holds everything that is stored against it: each leaf from its event row
 * against the entry, each tile from the leaves, the roots against checkpoints, each subject's mapping against what was
 * committed to. Reads one snapshot, so it may run while the ledger works; it changes nothing.
 */
export const verifyStore = async ({ pg, log, knownCheckpoint }: VerifyStoreOptions): Promise<StoreReport> => {
  const anchor = knownCheckpoint === undefined ? undefined : openAnchor(knownCheckpoint)
  if (typeof anchor === 'string') return report({ log, verdict: 'invalid', invalid: anchor })
  const client = await checkOut(pg)
  try {
    await client.query('begin isolation level repeatable read read only')
    const checked = await check(client, log, anchor)
    await client.query('commit')
    client.release()
    return checked
  } catch (error) {
    client.release(true)
    throw error
  }
}

const check = async (client: ClientBase, logId: string, anchor: Anchor | undefined): Promise<StoreReport> => {
  const findings = new Findings()
  const anchored = anchor === undefined ? {} : { checkpointSize: anchor.checkpoint.size }
  const log = await describeLog(client, logId)
  if (log === undefined) {
    findings.add({ code: 'log_missing' })
    return report({ log: logId, verdict: 'diverged', findings, ...anchored })
  }
  const lost = await lostSince(client, log, anchor)
  // What is lost cannot be compared; what is left has to be what it was.
  const head = lost === undefined ? anchor?.checkpoint : undefined
  const vouched = await vouchedSize(client, logId, head)
  const { size } = await checkTree(client, log, {
    leaves: checkedLeaves(client, { ...log, vouchedSize: vouched }, findings),
    head,
    verifier: anchor?.verifier,
    findings,
  })
  if (lost !== undefined) findings.add(lost)
  const counts = await checkEvents(client, { ...log, reached: await reachedBy(client) }, findings)
  const verdict = findings.total === 0 ? 'ok' : 'diverged'
  return report({ log: logId, verdict, findings, entries: size, counts, ...anchored })
}

/** What of a checkpoint that was brought the log does not hold any more, or that it is of another log. */
const lostSince = async (
  client: ClientBase,
  { logId, tenantId, origin }: DescribedLog,
  anchor: Anchor | undefined,
): Promise<Finding | undefined> => {
  if (anchor === undefined || anchor.checkpoint.origin === origin) return undefined
  const { checkpoint } = anchor
  const fate = isOriginFrom(checkpoint.origin, origin)
    ? fateOf(checkpoint.origin, await readContinuations(client, { logId, tenantId }))
    : undefined
  if (fate === undefined) return { code: 'origin_differs' }
  if (checkpoint.size <= fate.keptSize) return undefined
  return { code: 'entries_lost', from: fate.keptSize, size: checkpoint.size, index: fate.index }
}

const report = (
  parts: Pick<StoreReport, 'log' | 'verdict'> &
    Partial<Pick<StoreReport, 'entries' | 'counts' | 'invalid' | 'checkpointSize'>> & { readonly findings?: Findings },
): StoreReport => ({
  entries: 0,
  counts: { events: 0, pending: 0, subjects: 0, erased: 0 },
  ...parts,
  exitCode: verdictCodes[parts.verdict],
  findings: parts.findings?.listed ?? [],
  totalFindings: parts.findings?.total ?? 0,
})

/** The checkpoint, or the code of why it cannot be trusted. */
const openAnchor = ({ note, vkey }: { readonly note: string; readonly vkey: string }): Anchor | string => {
  const key = parseVerifierKey(vkey)
  if (!key.ok) return key.code
  const { verifier } = key
  const opened = openCheckpoint(note, { origin: verifier.name, verifiers: [verifier] })
  return opened.ok ? { checkpoint: opened.checkpoint, verifier } : opened.code
}

const describeLog = async (client: ClientBase, logId: string): Promise<DescribedLog | undefined> => {
  const { rows } = await client.query<{ tenant_id: string; origin: string; size: string; frontier: Buffer }>(
    `select l.tenant_id, l.origin, coalesce(h.size, 0) as size, coalesce(h.frontier, '') as frontier
     from ledger.log l left join ledger.log_head h using (log_id) where l.log_id = $1`,
    [logId],
  )
  const [row] = rows
  if (row === undefined) return undefined
  return { logId, tenantId: row.tenant_id, origin: row.origin, headSize: Number(row.size), frontier: row.frontier }
}

const reachedBy = async (client: ClientBase): Promise<Reached> => {
  const { rows } = await client.query<Reached>(
    `select incarnation, xid::text as xid, position::text as position from ledger.progress where name = 'events'`,
  )
  return rows[0] ?? { incarnation: 0, xid: '0', position: '0' }
}
