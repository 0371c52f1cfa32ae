import { createHash, randomBytes } from 'node:crypto'
import type { Assurance } from '@countersign/contracts'
import type pg from 'pg'

/** A person who signed in on a page a moment ago. */
export type PageSession = {
  /** The cookie's value; only its hash is stored. */
  readonly secret: string
  readonly tenantId: string
  readonly person: string
  readonly assurance: Assurance
  readonly authTime: string | undefined
}

/** Long enough to read one review; every page asks to sign in anew after that. */
export const sessionSeconds = 600

export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** Remembers who has just signed in on a page. */
export const openSession = async (pool: pg.Pool, session: Omit<PageSession, 'secret'>): Promise<PageSession> => {
  const secret = newSecret()
  await pool.query('delete from notifier.page_session where expires_at <= clock_timestamp()')
  await pool.query(
    `insert into notifier.page_session (session_hash, tenant_id, person, assurance, auth_time, expires_at)
     values ($1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 second')`,
    [hashOf(secret), session.tenantId, session.person, session.assurance, session.authTime ?? null, sessionSeconds],
  )
  return { ...session, secret }
}

/** Ends a session: its cookie is worth nothing from then on, wherever it is. */
export const endSession = async (pool: pg.Pool, { secret }: Pick<PageSession, 'secret'>): Promise<void> => {
  await pool.query('delete from notifier.page_session where session_hash = $1', [hashOf(secret)])
}

type Row = { tenant_id: string; person: string; assurance: Assurance; auth_time: Date | null }

/** Whose session a cookie names; undefined when it has ended or never was. */
export const findSession = async (pool: pg.Pool, secret: string | undefined): Promise<PageSession | undefined> => {
  if (secret === undefined) return undefined
  const { rows } = await pool.query<Row>(
    `select tenant_id, person, assurance, auth_time from notifier.page_session
     where session_hash = $1 and expires_at > clock_timestamp()`,
    [hashOf(secret)],
  )
  const [row] = rows
  if (row === undefined) return undefined
  return {
    secret,
    tenantId: row.tenant_id,
    person: row.person,
    assurance: row.assurance,
    authTime: row.auth_time?.toISOString(),
  }
}
