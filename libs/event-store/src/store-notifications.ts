import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { type AppendedStreams, notificationOf, readNotification } from './appended-streams.ts'
import { prepared } from './prepared.ts'
import type { StreamRef } from './stream.ts'

const channel = 'countersign_appended'

/** Wakes readers of the store in other processes. */
export type StoreNotifier = {
  /** Call it after a commit that appended to these streams. Calls during a running notification share the next one. */
  wake(streams: readonly StreamRef[]): void
  /** Waits for the notifications under way. */
  close(): Promise<void>
}

/**
 * Notifies readers with a statement of its own after the commit: as part of the append it would halve commits. At
 * most one runs per process. A lost notification costs only time, readers look by themselves as well.
 */
export function notifyStore(
  pool: pg.Pool,
  { onError = () => undefined }: { readonly onError?: (error: unknown) => void } = {},
): StoreNotifier {
  let moved: StreamRef[] = []
  let running: Promise<void> | undefined

  async function notify(): Promise<void> {
    while (moved.length > 0) {
      const payload = notificationOf(moved)
      moved = []
      try {
        await pool.query(prepared('select pg_notify($1, $2)', [channel, payload]))
      } catch (error) {
        onError(error)
      }
    }
    // In the same turn as the last look at what moved: a wake after this starts a new run.
    running = undefined
  }

  return {
    wake(streams) {
      moved.push(...streams)
      running ??= notify()
    },
    async close() {
      await running
    },
  }
}

/** A listener on the store; it reconnects by itself until it is closed. */
export type StoreListener = {
  /** Resolves when it listens for the first time. */
  readonly listening: Promise<void>
  close(): Promise<void>
}

const firstPauseMs = 100
const longestPauseMs = 5_000

/**
 * Calls `onAppended` when something was appended, with what a notification says of it, and without that after each
 * (re)connect, since notifications may have been missed. `connect` returns a connected client, which then belongs to the listener.
 */
export function listenStore(
  connect: () => Promise<pg.Client>,
  onAppended: (appended: AppendedStreams | undefined) => void,
  { onError = () => undefined }: { readonly onError?: (error: unknown) => void } = {},
): StoreListener {
  const closing = new AbortController()
  const first = Promise.withResolvers<void>()
  let current: pg.Client | undefined

  async function listen(): Promise<void> {
    const client = await connect()
    current = client
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve)
      client.on('error', (error) => {
        onError(error)
        resolve()
      })
    })
    try {
      client.on('notification', ({ payload = '' }) => onAppended(readNotification(payload)))
      await client.query(`listen ${channel}`)
      first.resolve()
      onAppended(undefined)
      if (!closing.signal.aborted) await ended
    } finally {
      current = undefined
      await client.end().catch(onError)
    }
  }

  async function run(): Promise<void> {
    let pauseMs = firstPauseMs
    while (!closing.signal.aborted) {
      try {
        await listen()
        pauseMs = firstPauseMs
      } catch (error) {
        onError(error)
      }
      if (closing.signal.aborted) break
      await delay(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    }
    first.resolve()
  }

  const running = run()
  return {
    listening: first.promise,
    async close() {
      closing.abort()
      await current?.end().catch(onError)
      await running
    },
  }
}
