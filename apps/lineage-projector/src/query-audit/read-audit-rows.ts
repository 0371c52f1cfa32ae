import { intentContext, toAuditRow, type AuditRow, type IntentContext } from '@countersign/audit-row'
import { definitionOf, isEventName, type RecordedEventOf } from '@countersign/contracts'
import { withTenants, type Transaction } from '@countersign/event-store'
import type pg from 'pg'

export type AuditPage = {
  readonly rows: readonly AuditRow[]
  /** Where the next page begins; the same as before when there was nothing new. */
  readonly next: string
}

type EventRow = {
  event_id: string
  seq: string
  kind: RecordedEventOf['kind']
  stream_id: string
  version: string
  type: string
  schema_version: number
  data: unknown
  recorded_at: Date
}
type Cursor = { readonly feed: string; readonly seq: string }

const cursorForm = /^([0-9a-f-]{36})\.(\d{1,18})$/

/**
 * Rows after a cursor, oldest first, each with the action that its intent is about. A cursor is a place in the order of
 * arrival, which has no gaps: what was passed is complete. Undefined for a cursor that is not of this feed; whoever
 * begins again knows a row by `metadata.uid`.
 */
export const readAuditRows = (
  pool: pg.Pool,
  question: { readonly tenantId: string; readonly after?: string; readonly limit: number },
): Promise<AuditPage | undefined> =>
  withTenants(pool, [question.tenantId], async (tx) => {
    const { tenantId, after, limit } = question
    const { rows: feeds } = await tx.query<{ feed_id: string }>('select feed_id from lineage.feed')
    const feed = feeds[0]?.feed_id ?? ''
    const from = after === undefined ? { feed, seq: '0' } : readCursor(after)
    if (from?.feed !== feed) return undefined
    const { rows } = await tx.query<EventRow>(
      `select event_id, seq, kind, stream_id, version, type, schema_version, data, recorded_at
       from lineage.audit_event where tenant_id = $1 and seq > $2 order by seq limit $3`,
      [tenantId, from.seq, limit],
    )
    const contexts = await readContexts(tx, tenantId, rows)
    return {
      rows: rows.flatMap((row) => {
        const event = eventOf(tenantId, row)
        const context = contexts.get(row.stream_id)
        return event === undefined ? [] : [toAuditRow(event, context === undefined ? {} : { context })]
      }),
      next: `${feed}.${rows.at(-1)?.seq ?? from.seq}`,
    }
  })

const readCursor = (text: string): Cursor | undefined => {
  const match = cursorForm.exec(text)
  return match?.[1] === undefined || match[2] === undefined ? undefined : { feed: match[1], seq: match[2] }
}

/** Later events of an intent don't repeat what it is about: its first event tells. */
const readContexts = async (
  tx: Transaction,
  tenantId: string,
  rows: readonly EventRow[],
): Promise<ReadonlyMap<string, IntentContext>> => {
  const streams = [...new Set(rows.filter(({ kind }) => kind !== 'register').map((row) => row.stream_id))]
  if (streams.length === 0) return new Map()
  const { rows: first } = await tx.query<EventRow>(
    `select event_id, seq, kind, stream_id, version, type, schema_version, data, recorded_at
     from lineage.audit_event
     where tenant_id = $1 and stream_id = any ($2::uuid[]) and kind = 'intent' and version = 1`,
    [tenantId, streams],
  )
  return new Map(
    first.flatMap((row) => {
      const event = eventOf(tenantId, row)
      return event?.type === 'ActionIntentPublished'
        ? [[row.stream_id, intentContext(event as RecordedEventOf<'ActionIntentPublished'>)] as const]
        : []
    }),
  )
}

const eventOf = (tenantId: string, row: EventRow): RecordedEventOf | undefined =>
  isEventName(row.type)
    ? ({
        eventId: row.event_id,
        type: row.type,
        schemaVersion: row.schema_version,
        tenantId,
        kind: row.kind,
        streamId: row.stream_id,
        version: Number(row.version),
        data: row.data,
        metadata: { service: definitionOf(row.type).owner },
        recordedAt: row.recorded_at.toISOString(),
      } as RecordedEventOf)
    : undefined
