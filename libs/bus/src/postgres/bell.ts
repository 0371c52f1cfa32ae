import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'

const channel = 'countersign_bus'

/** Pause before a broken connection is replaced. */
const retryMs = 200

/** Ends early when the signal aborts. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)

/** Lets one waiter sleep until it is rung or the time is up; a ring while nobody waits is kept for the next wait. */
export class Doorbell {
  #isRung = false
  #answer: (() => void) | undefined

  ring(): void {
    this.#isRung = true
    this.#answer?.()
  }

  async wait(maxMs: number): Promise<void> {
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, maxMs)
        this.#answer = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#answer = undefined
    }
    this.#isRung = false
  }
}

/**
 * NOTIFY and LISTEN for topics. A hint only: a lost notification costs consumers up to one poll, never a record. One
 * connection of the pool listens while anybody does, and is replaced when it breaks.
 */
export class TopicBells {
  readonly #pool: Pool
  readonly #bells = new Map<string, Set<Doorbell>>()
  readonly #closing = new AbortController()
  #listening: Promise<void> | undefined
  #announcing: Promise<void> | undefined
  #toAnnounce = new Set<string>()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Rings the bell for every announcement of the topic, and whenever announcements may have been missed. */
  listen(topic: string, bell: Doorbell): () => void {
    const bells = this.#bells.get(topic) ?? new Set()
    this.#bells.set(topic, bells.add(bell))
    this.#listening ??= this.#keepListening()
    return () => bells.delete(bell)
  }

  /**
   * Tells all processes that the topics have something new, after it was committed. A statement of its own: inside the
   * writing transaction it would serialise all commits. What is announced while one is under way shares the next.
   */
  announce(topics: Iterable<string>): void {
    for (const topic of topics) this.#toAnnounce.add(topic)
    this.#announcing ??= this.#announceAll()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#announcing
    await this.#listening
  }

  async #announceAll(): Promise<void> {
    const { signal } = this.#closing
    while (this.#toAnnounce.size > 0) {
      const topics = [...this.#toAnnounce]
      this.#toAnnounce = new Set()
      try {
        await this.#pool.query('SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic', [channel, topics])
      } catch {
        // The records are durable and every consumer polls: a closing bus leaves it at that.
        if (signal.aborted) break
        for (const topic of topics) this.#toAnnounce.add(topic)
        await pause(retryMs, signal)
      }
    }
    this.#announcing = undefined
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#listenUntilBroken(signal)
      } catch {
        await pause(retryMs, signal)
      }
    }
  }

  async #listenUntilBroken(signal: AbortSignal): Promise<void> {
    const client: PoolClient = await this.#pool.connect()
    const { promise: isOver, resolve: end, reject: fail } = Promise.withResolvers<void>()
    const onEnd = () => fail(new Error('the listening connection ended'))
    isOver.catch(() => undefined)
    client.on('error', fail)
    client.on('end', onEnd)
    client.on('notification', ({ payload }) => {
      for (const bell of this.#bells.get(payload ?? '') ?? []) bell.ring()
    })
    signal.addEventListener('abort', () => end(), { once: true })
    if (signal.aborted) end()
    try {
      await client.query(`LISTEN ${channel}`)
      for (const bells of this.#bells.values()) for (const bell of bells) bell.ring()
      await isOver
    } finally {
      // Destroyed, not given back: nobody else shall receive its notifications.
      client.removeListener('end', onEnd)
      client.release(true)
    }
  }
}
