import { subjectCommitment } from '@countersign/redaction'
import type { ClientBase } from 'pg'
import type { Findings } from './finding.ts'

const PAGE = 5_000

/** Where the ledger stands in the event table. */
export interface Reached {
  readonly incarnation: number
  readonly xid: string
  readonly position: string
}

export interface EventsCheck {
  /** Event rows of the tenant, those the ledger has not reached yet included. */
  readonly events: number
  /** Rows behind which the ledger still is. */
  readonly pending: number
  /** Subject ids whose mapping fits what was committed to. */
  readonly subjects: number
  /** Subject ids without a mapping: erased. */
  readonly erased: number
}

interface PageRow {
  incarnation: number
  xid: string
  position: string
  event_id: string
  kind: string
  stream_id: string
  version: string
  subjects: unknown
  is_logged: boolean
  is_pending: boolean
}

interface Introduction {
  readonly subjectId: string
  readonly commitment: string
  readonly eventId: string
}

/**
 * Reads every event row of the tenant: each that the ledger has passed must have its entry, and each subject id that
 * one introduces must still stand for whom it stood then. An erased mapping is no finding; one that no event
 * introduced is.
 */
export const checkEvents = async (
  client: ClientBase,
  log: { readonly logId: string; readonly tenantId: string; readonly reached: Reached },
  findings: Findings,
): Promise<EventsCheck> => {
  const introduced = new Set<string>()
  const intact = new Set<string>()
  const erased = new Set<string>()
  let events = 0
  let pending = 0
  for await (const rows of eventPages(client, log)) {
    events += rows.length
    pending += rows.filter((row) => row.is_pending).length
    for (const row of rows) {
      if (row.is_logged || row.is_pending) continue
      const named = { eventId: row.event_id, kind: row.kind, streamId: row.stream_id, version: Number(row.version) }
      findings.add({ code: 'event_not_logged', ...named, position: row.position })
    }
    const introductions = rows.flatMap(introductionsIn)
    const mappings = await mappingsOf(client, log.tenantId, introductions)
    for (const { subjectId, commitment, eventId } of introductions) {
      introduced.add(subjectId)
      const now = mappings.get(subjectId)
      if (now === undefined) erased.add(subjectId)
      else if (now === commitment) intact.add(subjectId)
      else findings.add({ code: 'subject_differs', subjectId, eventId })
    }
  }
  for await (const subjectId of mappedSubjects(client, log.tenantId)) {
    if (!introduced.has(subjectId)) findings.add({ code: 'subject_not_introduced', subjectId })
  }
  return { events, pending, subjects: intact.size, erased: erased.size }
}

async function* eventPages(
  client: ClientBase,
  { logId, tenantId, reached }: { logId: string; tenantId: string; reached: Reached },
): AsyncGenerator<PageRow[]> {
  let after: Reached = { incarnation: 0, xid: '0', position: '0' }
  for (;;) {
    const { rows } = await client.query<PageRow>(
      `select v.incarnation, v.xid::text as xid, v.position::text as position, v.event_id, v.kind, v.stream_id, v.version,
         v.data -> 'subjects' as subjects, (v.incarnation, v.xid, v.position) > ($6, $7::xid8, $8) as is_pending,
         exists (select from ledger.entry e where e.log_id = $1 and e.kind = v.kind and e.stream_id = v.stream_id
           and e.version = v.version and e.event_id = v.event_id) as is_logged
       from countersign.event v
       where v.tenant_id = $2 and (v.incarnation, v.xid, v.position) > ($3, $4::xid8, $5)
       order by v.incarnation, v.xid, v.position limit ${PAGE}`,
      [
        logId,
        tenantId,
        after.incarnation,
        after.xid,
        after.position,
        reached.incarnation,
        reached.xid,
        reached.position,
      ],
    )
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = last
  }
}

const introductionsIn = ({ subjects, event_id: eventId }: PageRow): Introduction[] =>
  !Array.isArray(subjects)
    ? []
    : subjects.flatMap((subject: unknown) => {
        const { subjectId, commitment } = (subject ?? {}) as { subjectId?: unknown; commitment?: unknown }
        return typeof subjectId === 'string' && typeof commitment === 'string'
          ? [{ subjectId, commitment, eventId }]
          : []
      })

/** What the mappings of these subjects commit to now; a subject that was erased is missing. */
const mappingsOf = async (
  client: ClientBase,
  tenantId: string,
  introductions: readonly Introduction[],
): Promise<Map<string, string>> => {
  if (introductions.length === 0) return new Map()
  const { rows } = await client.query<{ subject_id: string; iss: string; sub: string; salt: Buffer }>(
    'select subject_id, iss, sub, salt from countersign.subject where tenant_id = $1 and subject_id = any ($2::uuid[])',
    [tenantId, introductions.map(({ subjectId }) => subjectId)],
  )
  return new Map(
    rows.map(({ subject_id, iss, sub, salt }) => [subject_id, subjectCommitment(salt.toString('base64url'), iss, sub)]),
  )
}

async function* mappedSubjects(client: ClientBase, tenantId: string): AsyncGenerator<string> {
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const { rows } = await client.query<{ subject_id: string }>(
      `select subject_id from countersign.subject where tenant_id = $1 and subject_id > $2
       order by subject_id limit ${PAGE}`,
      [tenantId, after],
    )
    for (const row of rows) yield row.subject_id
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = last.subject_id
  }
}
