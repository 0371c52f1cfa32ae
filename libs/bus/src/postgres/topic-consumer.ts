import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import {
  type BusHooks,
  busLimits,
  type DeliveredRecord,
  type OutboundRecord,
  type SeekTarget,
  type SubscribeOptions,
} from '../bus.ts'
import { announceQuarantined } from '../quarantine.ts'
import { behindParked, deliver, type SetAside, type Settled } from '../settle.ts'
import { Doorbell, type TopicBells } from './bell.ts'
import { inTransaction } from './in-transaction.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import { type Cursor, type Page, readPage } from './log.ts'
import { park, readRedrive, settleRedrive } from './parked.ts'
import { advance, claim, type Claim, moveTo, release } from './progress.ts'

/** What the consumers of one bus share. */
export interface ConsumerEnvironment {
  readonly pool: Pool
  readonly bells: TopicBells
  readonly leases: LeaseKeeper
  readonly hooks: BusHooks
  readonly leaseMs: number
  /** Longest wait between two looks at the log. */
  readonly pollMs: number
  /** Pause after the nth outage in a row (from 1). */
  readonly backoffMs: (attempt: number) => number
  readonly publish: (records: readonly OutboundRecord[]) => Promise<void>
}

type Seek = { readonly target: SeekTarget } & Pick<PromiseWithResolvers<void>, 'resolve' | 'reject'>

/** The time in which this consumer is its group's active one. */
interface Tenure {
  cursor: Cursor
  /** Aborts when the lease is lost. */
  readonly signal: AbortSignal
}

/** While older transactions keep committed records back, the log is looked at this often. */
const gatedPollMs = 5

/** No rest between two batches is longer. */
const longestRestMs = 20

class OwnershipLost extends Error {
  override readonly name = 'OwnershipLost'
}

/** Consumes one topic for one subscription: claims the lease, then delivers batch by batch, nothing fetched ahead. */
export class TopicConsumer {
  readonly #environment: ConsumerEnvironment
  readonly #options: SubscribeOptions
  readonly #claim: Claim
  readonly #bell = new Doorbell()
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #tenure: Tenure | undefined
  #isPaused = false
  #outages = 0
  #seeks: Seek[] = []

  /** Starts at once. */
  constructor(environment: ConsumerEnvironment, options: SubscribeOptions, topic: string) {
    this.#environment = environment
    this.#options = options
    this.#claim = { group: options.group, topic, holder: randomUUID() }
    this.#running = this.#run()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#bell.ring()
  }

  async seek(target: SeekTarget): Promise<void> {
    if (this.#stopping.signal.aborted) throw new Error('the subscription has stopped')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#seeks.push({ target, resolve, reject })
    this.#bell.ring()
    await promise
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#bell.ring()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal: stopping } = this.#stopping
    const deafen = this.#environment.bells.listen(this.#claim.topic, this.#bell)
    while (!stopping.aborted) {
      try {
        await this.#step()
      } catch (error) {
        if (error instanceof OwnershipLost) this.#giveUp()
        else await this.#backOff(error)
      }
    }
    deafen()
    for (const { reject } of this.#seeks) reject(new Error('the subscription has stopped'))
    this.#environment.leases.drop(this.#claim.holder)
    // Failing to release only makes the next consumer wait for the lease's end.
    await release(this.#environment.pool, this.#claim.holder).catch(() => undefined)
  }

  async #step(): Promise<void> {
    const { pool, pollMs } = this.#environment
    const tenure = this.#tenure ?? (await this.#begin())
    if (tenure === undefined) return this.#bell.wait(pollMs)
    if (tenure.signal.aborted) throw new OwnershipLost()
    const seek = this.#seeks[0]
    if (seek !== undefined) return this.#move(seek)
    if (this.#isPaused) return this.#bell.wait(pollMs)

    const maxRecords = this.#options.maxBatch ?? busLimits.batchRecords
    const page = await readPage(pool, { ...this.#claim, after: tenure.cursor, maxRecords })
    if (page.hasRedrive) await this.#redrive(maxRecords, tenure.signal)
    else if (page.end === undefined) await this.#bell.wait(page.isGated ? gatedPollMs : pollMs)
    else {
      const began = performance.now()
      await this.#consume(page, page.end, tenure.signal)
      if (page.records.length < maxRecords) await this.#rest(performance.now() - began)
    }
    this.#outages = 0
  }

  /** Rests for twice as long as the batch took, so that on a busy machine the next one is larger: its cost hardly depends on its size. */
  async #rest(tookMs: number): Promise<void> {
    await sleep(Math.min(longestRestMs, 2 * tookMs), undefined, { signal: this.#stopping.signal }).catch(
      () => undefined,
    )
  }

  async #begin(): Promise<Tenure | undefined> {
    const { pool, leases, leaseMs } = this.#environment
    const claimedAt = performance.now()
    const cursor = await claim(pool, this.#claim, leaseMs)
    if (cursor !== undefined) this.#tenure = { cursor, signal: leases.keep(this.#claim.holder, claimedAt) }
    return this.#tenure
  }

  async #move(seek: Seek): Promise<void> {
    let cursor: Cursor | undefined
    try {
      cursor = await moveTo(this.#environment.pool, this.#claim, seek.target)
    } catch (error) {
      this.#seeks.shift()
      return seek.reject(error)
    }
    if (cursor === undefined) throw new OwnershipLost()
    this.#tenure = this.#tenure && { ...this.#tenure, cursor }
    this.#seeks.shift()
    seek.resolve()
  }

  async #consume(page: Page, end: Cursor, signal: AbortSignal): Promise<void> {
    const running = page.records.filter(({ position }) => !page.held.has(position))
    const held = page.records.filter(({ position }) => page.held.has(position))
    const { done, quarantined, parked } = await this.#deliver(running, signal)
    const kept: SetAside[] = [...parked, ...held.map((record) => ({ record, reason: behindParked }))]
    if (kept.length === 0) {
      if (!(await advance(this.#environment.pool, this.#claim, end))) throw new OwnershipLost()
    } else {
      await this.#inTenure(end, (client) => park(client, this.#claim, kept))
    }
    if (this.#tenure !== undefined) this.#tenure.cursor = end
    this.#report({ done, quarantined, parked: kept })
  }

  async #redrive(maxRecords: number, signal: AbortSignal): Promise<void> {
    const settled = await this.#deliver(await readRedrive(this.#environment.pool, this.#claim, maxRecords), signal)
    const removed = [...settled.done, ...settled.quarantined.map(({ record }) => record)]
    await this.#inTenure(this.#tenure?.cursor, (client) =>
      settleRedrive(client, this.#claim, { settled: removed, parked: settled.parked }),
    )
    this.#report(settled)
  }

  /** Hands records to the handler and announces what it quarantined; both may happen again, neither is lost. */
  async #deliver(records: readonly DeliveredRecord[], signal: AbortSignal): Promise<Settled> {
    if (records.length === 0) return { done: [], quarantined: [], parked: [] }
    const { hooks, publish } = this.#environment
    const { group, topic } = this.#claim
    hooks.observe?.({ kind: 'fetched', group, topic, records: records.length })
    const handle = this.#options.handle.bind(this.#options)
    const settled = await deliver({ topic, records, signal }, handle, hooks.redeliver?.bind(hooks))
    if (signal.aborted) throw new OwnershipLost()
    if (settled.quarantined.length > 0) await publish(await announceQuarantined(settled.quarantined, this.#options))
    return settled
  }

  /** Writes together with the progress, or not at all when the lease went to another. */
  async #inTenure(progress: Cursor | undefined, write: Parameters<typeof inTransaction>[1]): Promise<void> {
    await inTransaction(this.#environment.pool, async (client) => {
      if (progress === undefined || !(await advance(client, this.#claim, progress))) throw new OwnershipLost()
      await write(client)
    })
  }

  #giveUp(): void {
    const { group, topic, holder } = this.#claim
    this.#tenure = undefined
    this.#environment.leases.drop(holder)
    this.#environment.hooks.observe?.({ kind: 'ownership_lost', group, topic })
  }

  async #backOff(error: unknown): Promise<void> {
    const { group, topic } = this.#claim
    this.#outages += 1
    this.#environment.hooks.observe?.({ kind: 'outage', group, topic, error })
    const pauseMs = this.#environment.backoffMs(this.#outages)
    await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }

  #report({ done, quarantined, parked }: Settled): void {
    const { group, topic } = this.#claim
    const observe = this.#environment.hooks.observe?.bind(this.#environment.hooks)
    if (observe === undefined) return
    observe({ kind: 'settled', group, topic, records: done.length })
    for (const [kind, asides] of [['quarantined', quarantined] as const, ['parked', parked] as const]) {
      for (const [reason, same] of Map.groupBy(asides, (aside) => aside.reason)) {
        observe({ kind, group, topic, reason, records: same.length })
      }
    }
  }
}
