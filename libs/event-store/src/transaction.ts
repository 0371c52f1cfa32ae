import { setTimeout as delay } from 'node:timers/promises'
import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { StoreNotAdopted } from './store-doubt.ts'
import { checkedId, type StreamRef } from './stream.ts'

/** A connection inside a transaction that names its tenants. */
export type Transaction = Pick<pg.ClientBase, 'query'>

/** The connection was lost while the commit was under way: nobody knows whether it happened. Never retried blindly. */
export class CommitUncertain extends Error {
  constructor(cause: unknown) {
    super('the connection was lost during the commit', { cause })
    this.name = 'CommitUncertain'
  }
}

type TransactionPlan = {
  /** Tenants whose rows exist for the transaction; at least one. */
  readonly tenantIds: Iterable<string>
  /** Streams to lock before anything is read. */
  readonly lock?: readonly StreamRef[]
  /** How long to wait for a lock before the statement fails (55P03); without it, as long as it takes. */
  readonly lockWithinMs?: number
  /** Called with the connection before the transaction begins; what it throws is thrown. */
  readonly before?: (connection: Transaction) => Promise<unknown>
}

const beginStatement = ({ tenantIds, lock = [], lockWithinMs }: TransactionPlan): string => {
  const tenants = [...new Set(tenantIds)].map(checkedId)
  if (tenants.length === 0) throw new TypeError('a transaction names at least one tenant')
  const within = lockWithinMs === undefined ? '' : `; set local lock_timeout = ${Math.trunc(lockWithinMs)}`
  const begin = `begin isolation level read committed; set local countersign.tenant = '${tenants.join(',')}'${within}`
  if (lock.length === 0) return begin
  const kinds = lock.map((ref) => `'${checkedKind(ref.kind)}'`).join(',')
  const ids = lock.map((ref) => `'${checkedId(ref.streamId)}'`).join(',')
  return `${begin}; select countersign.lock_streams(array[${kinds}]::text[], array[${ids}]::uuid[])`
}

const checkedKind = (kind: string): string => {
  if (kind !== 'intent' && kind !== 'register' && kind !== 'attempts')
    throw new TypeError('a stream is an intent, attempts or a register')
  return kind
}

/**
 * A connection of the pool for one piece of work. While it is checked out nobody else listens to it: without this listener
 * a connection that breaks between two statements would end the process. The next statement on it fails, which is enough.
 */
export async function checkOut(pool: pg.Pool): Promise<pg.PoolClient> {
  const client = await pool.connect()
  const broken = () => undefined
  client.on('error', broken)
  const release = client.release.bind(client)
  client.release = (error) => {
    client.removeListener('error', broken)
    release(error)
  }
  return client
}

/**
 * Runs `work` in one READ COMMITTED transaction of the tenants named. With `lock` the streams' locks are taken in a
 * statement of their own, so that what `work` reads is what their earlier holders committed. Rolls back when `work`
 * throws.
 */
export async function runTransaction<T>(
  pool: pg.Pool,
  plan: TransactionPlan,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const begin = beginStatement(plan)
  const client = await checkOut(pool)
  let isCommitting = false
  try {
    await plan.before?.(client)
    const result = await begunWith(client, begin, work)
    isCommitting = true
    const { command } = await client.query('commit')
    // PostgreSQL answers ROLLBACK to the commit of a transaction that had failed: then nothing was stored.
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
    client.release()
    return result
  } catch (error) {
    if (isConnectionLoss(error)) {
      client.release(true)
      throw isCommitting ? new CommitUncertain(error) : error
    }
    await rollBack(client)
    throw error
  }
}

/**
 * Begins and works. On a pipelined connection the first statements of the work go out together with the beginning; the server
 * runs them in order, and its error is the one that counts. After a beginning that was cancelled before it began, each of them
 * is a transaction of its own: work may only read before its first wait, or write tables with row security, which refuse
 * whoever has named no tenant.
 */
export async function begunWith<T>(
  client: pg.PoolClient,
  begin: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  if (!(client as Connected).pipeline) {
    await client.query(begin)
    return work(client)
  }
  const [begun, working] = sentTogether(client, () => [client.query(begin), work(client)])
  const [worked, started] = await Promise.allSettled([working, begun])
  if (started.status === 'rejected') throw started.reason
  if (worked.status === 'rejected') throw worked.reason
  return worked.value
}

/** What is asked before the first wait goes out in one packet on a pipelined connection. */
export const sentTogether = <T>(client: pg.PoolClient, ask: () => T): T => {
  const { stream } = (client as Connected).connection
  stream.cork()
  process.nextTick(() => stream.uncork())
  return ask()
}

type Connected = pg.PoolClient & { readonly pipeline: boolean; readonly connection: { readonly stream: Duplex } }

/** Reads or writes in one transaction for which only rows of these tenants exist. */
export const withTenants = <T>(
  pool: pg.Pool,
  tenantIds: Iterable<string>,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> => runTransaction(pool, { tenantIds }, work)

async function rollBack(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('rollback')
    client.release()
  } catch {
    // The connection is of no use; the server rolls back when it closes.
    client.release(true)
  }
}

const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined

const lostConnection = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  '57P01',
  '57P02',
  '57P03',
  '25P03',
])

/** Whether the connection, not the statement, failed. */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== undefined) return lostConnection.has(code) || code.startsWith('08')
  return (
    error instanceof Error && /^(Connection terminated|Client has encountered a connection error)/.test(error.message)
  )
}

// 23505: two transactions reserved the same key, subject or intent key; the second finds the first one's row.
const transient = new Set(['40001', '40P01', '55P03', '23505'])

/** Whether the same work may succeed in a new transaction, and whether it is certain that this one did nothing. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof CommitUncertain) return false
  const code = codeOf(error)
  return (code !== undefined && transient.has(code)) || isConnectionLoss(error)
}

// Cancelled, lock not available, deadlock, serialization, read-only (failover), out of disk, memory or connections, idle for
// too long; class 58 is the system's own errors.
const outages = new Set(['57014', '55P03', '40P01', '40001', '25006', '53100', '53200', '53300', '57P05'])

/**
 * Whether a failure says nothing about the command but something about the database, be it that an operator has to adopt it: whoever took the command from a bus has
 * to take it again, never to give it up.
 */
export const isOutage = (error: unknown): boolean =>
  error instanceof CommitUncertain ||
  error instanceof StoreNotAdopted ||
  isConnectionLoss(error) ||
  outages.has(codeOf(error) ?? '') ||
  codeOf(error)?.startsWith('58') === true

/** Runs the attempt up to three times, each in a transaction of its own. */
export async function retrying<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (tries === 3 || !isRetryable(error)) throw error
      // A server that restarts needs a moment; after a lost race there is nothing to wait for.
      if (isConnectionLoss(error)) await delay(tries * 50)
    }
  }
}
