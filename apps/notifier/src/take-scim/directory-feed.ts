import { createHash, randomBytes } from 'node:crypto'
import {
  type ConnectedFeed,
  type ConnectFeedBody,
  type DisconnectedFeed,
  type EventOf,
  type FeedView,
  type OpenChange,
  refuse,
  type Refusal,
} from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  newId,
  openChangesSql,
  prepared,
  registerStream,
  withTenants,
} from '@countersign/event-store'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'

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
    const stream = registerStream(tenantId, 'feed')
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

  /**
   * Ends the feed of a tenant: its credential is worth nothing, nothing is stale any more, and operators change groups again.
   * As with connecting, whoever did that fills no seat for 7 days and until another person has reviewed it.
   */
  async disconnect({ tenantId, subjectId }: PersonCaller, reason: string): Promise<DisconnectedFeed | Refusal> {
    const stream = registerStream(tenantId, 'feed')
    const { answer: feedId } = await this.#store.execute(
      { streams: [stream] },
      {
        read: async (tx) => {
          const { rows } = await tx.query<{ feed_id: string }>(
            'select feed_id from countersign.directory_feed where tenant_id = $1',
            [tenantId],
          )
          return rows[0]?.feed_id
        },
        decide: (_command, _loaded, connected): Decision<string | undefined> => {
          if (connected === undefined) return { append: [], answer: undefined }
          const event: EventOf<'DirectoryFeedDisconnected'> = {
            type: 'DirectoryFeedDisconnected',
            data: { feedId: connected, changedBy: subjectId, reason },
          }
          return { append: [{ stream, events: [event] }], answer: connected }
        },
        effects: async (tx, [decided]) => {
          if (decided?.answer === undefined) return
          // The last change of the row says by whom, and is kept for review.
          await tx.query(
            `update countersign.directory_feed set feed_id = $2, connected_by = $3, change_reason = $4 where tenant_id = $1`,
            [tenantId, newId(), subjectId, reason],
          )
          await tx.query('delete from countersign.directory_feed where tenant_id = $1', [tenantId])
        },
      },
    )
    return feedId === undefined ? refuse('not_found') : { feedId, openChanges: await this.#openChanges(tenantId) }
  }

  async #openChanges(tenantId: string): Promise<OpenChange[]> {
    const { rows } = await withTenants(this.#pool, [tenantId], (tx) =>
      tx.query<{ open_changes: OpenChange[] }>(
        prepared(
          `select ${openChangesSql('directory_feed', 't')} as open_changes from (select $1::uuid as tenant_id) as t`,
          [tenantId],
        ),
      ),
    )
    return rows[0]?.open_changes ?? []
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
