import type pg from 'pg'
import { storeStart } from './cursor-order.ts'
import { type MarkFolder, MarkInvalid, type StoreMark } from './mark-folder.ts'
import { prepared } from './prepared.ts'
import { type StoreDoubt, storeDoubt, StoreNotAdopted, type StoreStanding } from './store-doubt.ts'
import type { Transaction } from './transaction.ts'

/** What was found: the mark, the store beside it, and what is doubtful about it. */
export type StoreFindings = {
  readonly mark: StoreMark | undefined
  readonly standing: StoreStanding
  readonly doubt: StoreDoubt | undefined
  /** Why the mark could not be read. */
  readonly cause?: unknown
}

/** How far a store goes: its last event in the order of readers. */
export type StoreExtent = { readonly position: number; readonly recordedAt: string }

export type StoreGuard = {
  /**
   * Resolves when the server behind this connection holds the store that the mark knows; throws `StoreNotAdopted`
   * otherwise. A server that takes another's place gets new connections, so the answer is kept per connection, and for a
   * few seconds only: by then the mark may be of another server that was adopted meanwhile.
   */
  check(connection: Transaction): Promise<StoreStanding>
  /** Looks anew; what is doubtful now. */
  doubt(pool: pg.Pool): Promise<StoreDoubt | undefined>
}

export type StoreGuardOptions = {
  readonly marks: Pick<MarkFolder, 'read'>
  /** Called when doubt arises, changes or ends. */
  readonly onChange?: (doubt: StoreDoubt | undefined) => void
  /** A clock that does not go back, in milliseconds. */
  readonly now?: () => number
}

/** How long an answer for a connection is good. */
export const trustedMs = 5_000

const standingQuery = `select incarnation, is_same_system as "isSameSystem", is_same_timeline as "isSameTimeline",
    system_identifier as "systemIdentifier", timeline::text as timeline, is_published as "isPublished",
    marked_event as "markedEvent", is_beyond as "isBeyond"
  from countersign.store_standing($1::integer, $2::text::xid8, $3::bigint)`

/** Reads how the store stands beside a mark; without one, beside its own beginning. */
export const readStoreStanding = async (
  db: Transaction | pg.Pool,
  mark: StoreMark | undefined,
): Promise<StoreStanding> => {
  const { incarnation, xid, position } = mark ?? storeStart
  const { rows } = await db.query<StoreStanding>(prepared(standingQuery, [incarnation, xid, position]))
  if (rows[0] === undefined) throw new Error('the store has no open incarnation')
  return rows[0]
}

/** Looks at mark and store. A mark that cannot be read or believed is a doubt of its own. */
export const findStore = async (db: Transaction | pg.Pool, marks: Pick<MarkFolder, 'read'>): Promise<StoreFindings> => {
  // The mark first: whatever it names was committed before the statement that looks for it.
  const read = await marks.read().then(
    (mark) => ({ mark, doubt: undefined, cause: undefined }),
    (cause: unknown) => ({
      mark: undefined,
      doubt: cause instanceof MarkInvalid ? ('store_mark_invalid' as const) : ('store_mark_unreadable' as const),
      cause,
    }),
  )
  const standing = await readStoreStanding(db, read.mark)
  return { ...read, standing, doubt: read.doubt ?? storeDoubt(standing, read.mark) }
}

/** How far the store goes; undefined when it is empty. Intake's role may ask. */
export const readStoreExtent = async (db: pg.Pool): Promise<StoreExtent | undefined> => {
  const { rows } = await db.query<{ last_position: string | null; last_recorded_at: Date }>(
    'select last_position, last_recorded_at from countersign.store_extent()',
  )
  const [row] = rows
  if (row === undefined || row.last_position === null) return undefined
  return { position: Number(row.last_position), recordedAt: row.last_recorded_at.toISOString() }
}

/** Stands before every append and every send: nothing goes into or out of a store that an older state may have replaced. */
export const storeGuard = ({ marks, onChange, now = () => performance.now() }: StoreGuardOptions): StoreGuard => {
  const trusted = new WeakMap<object, { readonly until: number; readonly standing: StoreStanding }>()
  let last: StoreDoubt | undefined

  const noticed = (doubt: StoreDoubt | undefined): void => {
    if (doubt === last) return
    last = doubt
    onChange?.(doubt)
  }

  const sound = async (db: Transaction | pg.Pool): Promise<StoreStanding> => {
    try {
      const { standing, doubt, cause } = await findStore(db, marks)
      if (doubt !== undefined) throw new StoreNotAdopted(doubt, { cause })
      noticed(undefined)
      return standing
    } catch (error) {
      if (error instanceof StoreNotAdopted) noticed(error.doubt)
      throw error
    }
  }

  return {
    check: async (connection) => {
      const known = trusted.get(connection)
      if (known !== undefined && now() < known.until) return known.standing
      trusted.delete(connection)
      const from = now()
      const standing = await sound(connection)
      trusted.set(connection, { until: from + trustedMs, standing })
      return standing
    },
    doubt: async (pool) => {
      try {
        await sound(pool)
        return undefined
      } catch (error) {
        if (error instanceof StoreNotAdopted) return error.doubt
        throw error
      }
    },
  }
}
