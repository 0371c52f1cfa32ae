import { type StoreReport, verifyStore } from '@countersign/ledger-check'
import { leafHash } from '@countersign/merkle-log'
import pg from 'pg'
import { Failure } from '../exit-codes.ts'
import { plural } from '../print/words.ts'
import { notAsExpected, type DemoWorld } from './demo-world.ts'
import type { ProvenApproval } from './show-evidence.ts'

/** One thing that a superuser changes, and how it is undone. */
type Edit = {
  readonly what: string
  readonly change: readonly [text: string, values: unknown[]]
  readonly undo: readonly [text: string, values: unknown[]]
  /** Whether a report names exactly this, and how. */
  readonly foundIn: (report: StoreReport) => string | undefined
}

/**
 * Changes, as the database's superuser who can switch every trigger off, an event row, the ledger entry and the mapping of
 * subjects in turn; each is named by the check of the store against the checkpoint that was saved before. Everything is put
 * back, whatever happens, and the store is verified again.
 */
export const tamper = async (world: DemoWorld, approval: ProvenApproval): Promise<void> => {
  const url = world.credentials.store.superuserUrl
  if (!isOnThisMachine(url)) throw new Failure('the demo tampers only with a store on this machine')
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => undefined)
  const { log, vkey, checkpoint: note } = approval
  const check = async (): Promise<{ report: StoreReport; ms: number }> => {
    const began = performance.now()
    const report = await verifyStore({ pg: pool, log, knownCheckpoint: { note, vkey } })
    return { report, ms: performance.now() - began }
  }
  const open: Edit[] = []
  try {
    const before = await check()
    expectGood('the store before', before.report)
    for (const edit of await editsOf(pool, approval)) {
      world.signal.throwIfAborted()
      if (world.fault !== 'no-tampering') await asSuperuser(pool, edit.change)
      open.push(edit)
      const { report, ms } = await check()
      const found = edit.foundIn(report)
      if (found === undefined) {
        throw notAsExpected(
          `tamper, ${edit.what}`,
          'to be named',
          report.findings.map(({ code }) => code).join(', ') || 'nothing',
        )
      }
      world.say({ label: 'tamper', what: edit.what, outcome: 'CAUGHT', ms, reason: found })
      if (world.fault === 'left-tampered') break
      await asSuperuser(pool, edit.undo)
      open.pop()
    }
    const after = await check()
    expectGood('the store after everything was put back', after.report)
    const { entries, counts, checkpointSize } = after.report
    world.say({
      label: 'restored',
      what: `${plural(counts.events, 'event')}, ${plural(counts.subjects, 'subject')}, put back as they were`,
      outcome: 'VERIFIED',
      ms: after.ms,
      reason: `${entries} entries against the checkpoint saved at ${checkpointSize ?? 0}`,
    })
  } finally {
    for (const edit of open) await asSuperuser(pool, edit.undo)
    await pool.end()
  }
}

const isOnThisMachine = (url: string): boolean =>
  ['127.0.0.1', 'localhost', '[::1]', ''].includes(new URL(url).hostname)

const expectGood = (step: string, { verdict, findings, invalid }: StoreReport): void => {
  if (verdict !== 'ok') throw notAsExpected(step, 'VERIFIED', invalid ?? findings.map(({ code }) => code).join(', '))
}

const asSuperuser = async (pool: pg.Pool, [text, values]: readonly [string, unknown[]]): Promise<void> => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('set local session_replication_role = replica')
    const { rowCount } = await client.query(text, values)
    if (rowCount !== 1) throw new Error(`${rowCount ?? 0} rows were changed instead of one`)
    await client.query('commit')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** The three edits that would make Dana of Ben, or somebody else of Ben. */
const editsOf = async (pool: pg.Pool, { log, index, eventId, leaf }: ProvenApproval): Promise<Edit[]> => {
  const entry = JSON.parse(leaf.toString('utf8')) as { kind: string; stream: string; data: { person: string } }
  const ben = entry.data.person
  const one = async <Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row> => {
    const { rows } = await pool.query<Row>(text, values)
    if (rows[0] === undefined) throw notAsExpected('the store', 'a row to edit', 'none')
    return rows[0]
  }
  const { tenant_id: tenant, sub: benSub } = await one<{ tenant_id: string; sub: string }>(
    'select tenant_id, sub from countersign.subject where subject_id = $1',
    [ben],
  )
  const { subject_id: dana } = await one<{ subject_id: string }>(
    `select subject_id from countersign.subject where tenant_id = $1 and sub = 'dana'`,
    [tenant],
  )
  const eventKey = [entry.kind, entry.stream, eventId]
  const { data } = await one<{ data: string }>(
    'select data::text as data from countersign.event where kind = $1 and stream_id = $2 and event_id = $3',
    eventKey,
  )
  const forged = Buffer.from(leaf.toString('utf8').replaceAll(ben, dana))
  const setEvent = 'update countersign.event set data = $4::jsonb where kind = $1 and stream_id = $2 and event_id = $3'
  const setEntry = 'update ledger.entry set leaf = $3, leaf_hash = $4 where log_id = $1 and idx = $2'
  const setSubject = 'update countersign.subject set sub = $3 where tenant_id = $1 and subject_id = $2'
  return [
    {
      what: 'a superuser edits Ben → Dana in the event row',
      change: [setEvent, [...eventKey, data.replaceAll(ben, dana)]],
      undo: [setEvent, [...eventKey, data]],
      foundIn: ({ findings }) =>
        findings.some((finding) => finding.code === 'event_differs' && finding.index === index)
          ? `index ${index}, event_differs`
          : undefined,
    },
    {
      what: 'Ben → Dana in the ledger entry and its hash',
      change: [setEntry, [log, index, forged, leafHash(forged)]],
      undo: [setEntry, [log, index, leaf, leafHash(leaf)]],
      foundIn: ({ findings }) =>
        findings.some((finding) => finding.code === 'entry_differs' && finding.index === index)
          ? `index ${index}, entry_differs`
          : undefined,
    },
    {
      what: "whom Ben's random id stands for",
      change: [setSubject, [tenant, ben, `${benSub}-mallory`]],
      undo: [setSubject, [tenant, ben, benSub]],
      foundIn: ({ findings }) =>
        findings.some((finding) => finding.code === 'subject_differs' && finding.subjectId === ben)
          ? `subject ${ben.slice(0, 8)}…, subject_differs`
          : undefined,
    },
  ]
}
