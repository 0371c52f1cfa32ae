import { createHash, randomBytes } from 'node:crypto'
import type { ConnectedFeed, ConnectFeedBody, EventOf, FeedView, OpenChange } from '@countersign/contracts'
import { type EventStore, newId, openChangesSql, prepared, withTenants } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'
import { registerStream } from '../streams.ts'

/** The feed of one tenant: whoever keeps its directory, and whose subjects its people are. */
export type DirectoryFeed = {
  readonly tenantId: string
  readonly feedId: string
  readonly issuer: string
  /** Attribute that says what the issuer puts into `sub`. */
  readonly subjectFrom: 'externalId' | 'userName'
}

type FeedRow = { tenant_id: string; feed_id: string; issuer: string; subject_from: DirectoryFeed['subjectFrom'] }

type StandingRow = FeedRow & {
  max_age_ms: string | null
  seen_at: Date
  stale: boolean
  connected_by: string
  connected_at: Date
  open_changes: OpenChange[]
}

/** Marks the credential, so that scanners find one that was left somewhere. */
const credentialMark = 'cs_scim_'
const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/**
 * Directories that somebody else keeps. A feed has one credential, which is shown once and stored as a hash; connecting again
 * makes a new one and ends the old. Whoever connects it could push themselves into a group, so until another person has reviewed
 * that, and for 7 days, they fill no seat. Each request with it is a sign that the directory is fresh.
 */
export class DirectoryFeeds {
  readonly #pool: pg.Pool
  readonly #store: EventStore

  constructor(pool: pg.Pool, store: EventStore) {
    this.#pool = pool
    this.#store = store
  }

  async connect({ tenantId, subjectId }: PersonCaller, body: ConnectFeedBody): Promise<ConnectedFeed> {
    const { issuer, subjectFrom, maxAgeMs = null, reason } = body
    const token = `${credentialMark}${randomBytes(32).toString('base64url')}`
    const feedId = newId()
    const stream = registerStream(tenantId, nameId('feed', tenantId))
    const event: EventOf<'DirectoryFeedConnected'> = {
      type: 'DirectoryFeedConnected',
      data: { feedId, issuer, subjectFrom, maxAgeMs, changedBy: subjectId, reason },
    }
    await this.#store.execute(
      { streams: [stream] },
      {
        decide: () => ({ append: [{ stream, events: [event] }], answer: undefined }),
        effects: async (tx) => {
          await tx.query(
            `insert into countersign.directory_feed
               (tenant_id, feed_id, issuer, subject_from, token_hash, max_age_ms, connected_by, change_reason)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (tenant_id) do update set feed_id = excluded.feed_id, issuer = excluded.issuer,
               subject_from = excluded.subject_from, token_hash = excluded.token_hash, max_age_ms = excluded.max_age_ms,
               connected_by = excluded.connected_by, change_reason = excluded.change_reason, connected_at = clock_timestamp(), seen_at = clock_timestamp()`,
            [tenantId, feedId, issuer, subjectFrom, hashOf(token), maxAgeMs, subjectId, reason],
          )
        },
      },
    )
    return { feedId, token, path: '/scim/v2' }
  }

  /** The feed of a tenant as it stands; undefined where operators keep the directory. */
  async read(tenantId: string): Promise<FeedView | undefined> {
    const { rows } = await withTenants(this.#pool, [tenantId], (tx) =>
      tx.query<StandingRow>(
        prepared(
          `select f.*, ${openChangesSql('directory_feed', 'f')} as open_changes,
           coalesce(f.seen_at < clock_timestamp() - f.max_age_ms * interval '1 millisecond', false) as stale
         from countersign.directory_feed f where f.tenant_id = $1`,
          [tenantId],
        ),
      ),
    )
    const [row] = rows
    if (row === undefined) return undefined
    return {
      feedId: row.feed_id,
      issuer: row.issuer,
      subjectFrom: row.subject_from,
      maxAgeMs: row.max_age_ms === null ? null : Number(row.max_age_ms),
      seenAt: row.seen_at.toISOString(),
      stale: row.stale,
      connectedBy: row.connected_by,
      connectedAt: row.connected_at.toISOString(),
      openChanges: row.open_changes,
    }
  }

  /** The feed whose credential it is, which is heard of now; undefined for any other token. */
  async heardFrom(token: string): Promise<DirectoryFeed | undefined> {
    if (!token.startsWith(credentialMark)) return undefined
    const { rows } = await this.#pool.query<FeedRow>(
      prepared('select tenant_id, feed_id, issuer, subject_from from countersign.hear_feed($1)', [hashOf(token)]),
    )
    const [row] = rows
    if (row === undefined) return undefined
    const { tenant_id: tenantId, feed_id: feedId, issuer, subject_from: subjectFrom } = row
    return { tenantId, feedId, issuer, subjectFrom }
  }
}
