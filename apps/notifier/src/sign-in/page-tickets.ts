import type pg from 'pg'
import { Type } from 'typebox'
import { hashOf, newSecret } from './page-sessions.ts'

/** A chat account that somebody may link to themselves. The names are the platform's, and prove nothing. */
export type LinkTicket = {
  readonly provider: 'slack'
  readonly teamId: string
  readonly userId: string
  readonly userName: string
  readonly teamName: string
}

/** A yes that was begun on a card and needs more than the chat can prove: whose, and to what. */
export type VerdictTicket = {
  readonly person: string
  readonly intentId: string
  readonly reviewId: string
  readonly actionDigest: string
}

type Contents = { link: LinkTicket; verdict: VerdictTicket }
type Kind = keyof Contents

export type PageTicket<K extends Kind> = { readonly tenantId: string; readonly content: Contents[K] }

/** The secret as it stands in an address. */
export const TicketSecret = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

/** How long the link in a chat message can be used. */
export const ticketMinutes = 15

/**
 * Makes the secret of an address that can be used once and soon. A newer one for the same takes the place of the older.
 * @param about what there is only one of: the account, or the person and review
 */
export const issueTicket = async <K extends Kind>(
  pool: pg.Pool,
  kind: K,
  { tenantId, content, about }: PageTicket<K> & { readonly about: string },
): Promise<string> => {
  const secret = newSecret()
  await pool.query('delete from notifier.page_ticket where expires_at <= clock_timestamp()')
  await pool.query(
    `insert into notifier.page_ticket (kind, tenant_id, about, ticket_hash, content, expires_at)
     values ($1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 minute')
     on conflict (kind, tenant_id, about) do update
       set ticket_hash = excluded.ticket_hash, content = excluded.content, expires_at = excluded.expires_at`,
    [kind, tenantId, about, hashOf(secret), JSON.stringify(content), ticketMinutes],
  )
  return secret
}

type Row<K extends Kind> = { tenant_id: string; content: Contents[K] }
const ticketOf = <K extends Kind>([row]: readonly Row<K>[]): PageTicket<K> | undefined =>
  row === undefined ? undefined : { tenantId: row.tenant_id, content: row.content }

/** What a ticket is for, without using it. */
export const findTicket = async <K extends Kind>(
  pool: pg.Pool,
  kind: K,
  secret: string,
): Promise<PageTicket<K> | undefined> => {
  const { rows } = await pool.query<Row<K>>(
    `select tenant_id, content from notifier.page_ticket
     where kind = $1 and ticket_hash = $2 and expires_at > clock_timestamp()`,
    [kind, hashOf(secret)],
  )
  return ticketOf(rows)
}

/** Uses a ticket up; of two who try at once one gets it. */
export const useTicket = async <K extends Kind>(
  pool: pg.Pool,
  kind: K,
  secret: string,
): Promise<PageTicket<K> | undefined> => {
  const { rows } = await pool.query<Row<K>>(
    `delete from notifier.page_ticket where kind = $1 and ticket_hash = $2 and expires_at > clock_timestamp()
     returning tenant_id, content`,
    [kind, hashOf(secret)],
  )
  return ticketOf(rows)
}
