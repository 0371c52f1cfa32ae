import type { Http } from '@countersign/client'

/** What reconciling reads of an OCSF row. */
export type AuditRow = {
  readonly time: number
  readonly metadata: { readonly uid: string; readonly event_code: string; readonly correlation_uid?: string }
  readonly actor?: { readonly user?: { readonly uid?: string } }
  readonly api?: { readonly operation?: string }
  readonly entity?: { readonly uid?: string; readonly name?: string }
  readonly unmapped?: Readonly<Record<string, never>> & {
    readonly agent_name?: string
    readonly action?: string
    readonly target?: string
    readonly report_before?: string
    readonly account?: string
    readonly added?: readonly string[]
    readonly removed?: readonly string[]
    readonly approvers?: readonly string[]
    readonly on_one_word?: readonly { readonly group: string; readonly word: string; readonly change?: number }[]
    readonly changes?: readonly number[]
    readonly word?: string
  }
  readonly authorizations?: readonly { readonly policy?: { readonly name?: string; readonly type?: string } }[]
  readonly activity_id?: number
}

/** Name of the event that a row is of. */
export const eventOf = ({ metadata }: AuditRow): string | undefined => metadata.event_code.split('.')[2]

const pageSize = 2_000

/** Every audit row of the tenant, oldest first, as somebody who may read them. */
export const readRows = async (call: Http, signal: AbortSignal): Promise<AuditRow[]> => {
  const rows: AuditRow[] = []
  for (let after = ''; ; ) {
    const query = after === '' ? '' : `&after=${encodeURIComponent(after)}`
    const page = await call<{ rows: AuditRow[]; next: string }>(`/v1/audit?limit=${pageSize}${query}`, { signal })
    rows.push(...page.rows)
    if (page.rows.length < pageSize) return rows
    after = page.next
  }
}
