import type { Consumer, EachBatchPayload } from 'kafkajs'
import { busLimits, type SeekTarget, type SubscribeOptions } from '../bus.ts'
import { makeConsumer } from './client.ts'
import { Contact } from './contact.ts'
import { coordinatesOf } from './delivered.ts'
import { atMost, type ConsumerEnvironment, pause, unlessAborted } from './environment.ts'
import { Handling } from './handling.ts'
import { Membership } from './membership.ts'
import { Placement } from './placement.ts'
import { Commits } from './progress.ts'
import { Pulse } from './pulse.ts'
import { Redriver } from './redriver.ts'
import { asClientError, explain } from './refusal.ts'
import { slicesOf } from './slices.ts'
import { OwnershipLost, Tenure } from './tenure.ts'
import { Turn } from './turn.ts'
import { Watchdog } from './watchdog.ts'

/**
 * One subscription as a member of its consumer group. Nothing of a handler is ever thrown into kafkajs: a bug there
 * would end the consumer for good.
 */
export class GroupConsumer {
  readonly #environment: ConsumerEnvironment
  readonly #options: SubscribeOptions
  readonly #topics: readonly string[]
  readonly #membership: Membership
  readonly #consumer: Consumer
  readonly #commits: Commits
  readonly #handling: Handling
  readonly #placement: Placement
  readonly #redriver: Redriver
  readonly #watchdog: Watchdog
  readonly #contact: Contact
  readonly #turn = new Turn()
  readonly #stopping = new AbortController()
  readonly #started = Promise.withResolvers<void>()
  readonly #failed = Promise.withResolvers<never>()
  #timers: NodeJS.Timeout[] = []
  #tenure: Tenure | undefined
  #stopped: Promise<void> | undefined
  #isPaused = false
  #hasStarted = false

  constructor(environment: ConsumerEnvironment, options: SubscribeOptions) {
    const { timing, hooks, parking, publish, admin } = environment
    this.#environment = environment
    this.#options = options
    this.#topics = [...new Set(options.topics)]
    this.#handling = new Handling({ hooks, parking, publish, subscription: options })
    this.#watchdog = new Watchdog(timing.silenceMs, () => this.#die(new Error('the Kafka consumer fell silent')))
    this.#contact = new Contact(timing.sessionMs, (error) => {
      for (const topic of this.#topics) this.#observeOutage(topic, error)
    })
    const isClosing = () => this.#stopping.signal.aborted
    const client = environment.client(isClosing, () => this.#watchdog.signOfLife())
    this.#consumer = makeConsumer(client.kafka, options.group, timing)
    this.#membership = new Membership(this.#consumer, client)
    this.#commits = new Commits(this.#consumer)
    this.#placement = new Placement({ consumer: this.#consumer, commits: this.#commits, admin, subscription: options })
    this.#redriver = new Redriver({
      topics: () => parking.topicsToRedrive(options.group),
      batch: (topic) => this.#redriveBatch(topic),
      onOutage: (error) => this.#observeOutage('', error),
      onLost: () => this.#claimAgain(),
    })
    this.#failed.promise.catch(() => undefined)
    this.#listen()
  }

  get topics(): readonly string[] {
    return this.#topics
  }

  /** Joins the group; resolves when the starting points of this member's partitions are recorded. */
  async start(): Promise<void> {
    const { group } = this.#options
    const { commitMs, pollMs } = this.#environment.timing
    const { signal } = this.#stopping
    try {
      await unlessAborted(signal, this.#consumer.connect())
      // A place that retention took away is followed by the oldest record, whatever the group began with.
      await unlessAborted(signal, this.#consumer.subscribe({ topics: [...this.#topics], fromBeginning: true }))
      await unlessAborted(signal, this.#placement.look(this.#topics))
      const running = { autoCommit: false, eachBatchAutoResolve: false, eachBatch: this.#take.bind(this) }
      await unlessAborted(signal, this.#consumer.run(running))
      this.#timers = [
        setInterval(() => void this.#commits.record().catch(() => undefined), commitMs),
        setInterval(() => void this.#redriver.look(), pollMs),
      ]
      await Promise.race([this.#joined(), this.#failed.promise])
      // Nothing is delivered before the caller has its subscription.
      setImmediate(this.#started.resolve)
      this.#hasStarted = true
    } catch (error) {
      await this.stop()
      throw explain(error, { group, ...(this.#topics.length === 1 ? { topic: this.#topics[0] ?? '' } : {}) })
    }
  }

  pause(): void {
    this.#isPaused = true
    this.#consumer.pause(this.#topics.map((topic) => ({ topic })))
  }

  resume(): void {
    this.#isPaused = false
    this.#consumer.resume(this.#topics.map((topic) => ({ topic })))
  }

  /** Moves the partition of a position, or those of the topic that this member has. */
  async seek(topic: string, target: SeekTarget): Promise<void> {
    if (!this.#topics.includes(topic)) throw new TypeError('the subscription does not have this topic')
    if (typeof target !== 'string') coordinatesOf(target.position)
    for (;;) {
      await this.#joined()
      const targets = await this.#placement.targets(topic, target)
      const release = await this.#turn.take()
      try {
        const tenure = this.#tenure
        const isMine = tenure !== undefined && !tenure.signal.aborted && !this.#stopping.signal.aborted
        if (isMine && (await this.#placement.move(tenure, topic, targets))) return
      } finally {
        release()
      }
      await pause(20, this.#stopping.signal)
    }
  }

  /** Looks for records to redrive now instead of at the next poll. */
  redriveSoon(): void {
    void this.#redriver.look()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    const { leaveMs } = this.#environment.timing
    this.#stopping.abort(new Error('the subscription has stopped'))
    this.#started.resolve()
    this.#watchdog.stop()
    this.#contact.stop()
    const release = await this.#turn.take()
    for (const timer of this.#timers) clearInterval(timer)
    await atMost(leaveMs, this.#commits.record())
    this.#tenure?.end()
    await this.#membership.leave(leaveMs)
    release()
  }

  #listen(): void {
    const { events } = this.#consumer
    const alive = () => {
      this.#contact.made()
      this.#watchdog.signOfLife()
    }
    for (const event of [events.HEARTBEAT, events.FETCH, events.COMMIT_OFFSETS]) this.#consumer.on(event, alive)
    this.#consumer.on(events.END_BATCH_PROCESS, () => this.#watchdog.signOfLife())
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      alive()
      this.#commits.clear()
      this.#begin(new Map(Object.entries(payload.memberAssignment)))
    })
    // Sent on the connection of the join that follows, so it still counts.
    this.#consumer.on(events.REBALANCING, () => void this.#commits.record().catch(() => undefined))
    this.#consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
      this.#tenure?.end()
      if (!restart) this.#die(error)
    })
  }

  #die(error: Error): void {
    if (this.#stopping.signal.aborted) return
    this.#failed.reject(error)
    if (this.#hasStarted) this.#environment.onDead(error)
  }

  /** The tenure at hand once it is ready; throws when the subscription stops first. */
  async #joined(): Promise<Tenure> {
    for (;;) {
      const tenure = this.#tenure
      await tenure?.ready
      this.#stopping.signal.throwIfAborted()
      if (tenure !== undefined && !tenure.signal.aborted) return tenure
      await pause(10, this.#stopping.signal)
    }
  }

  #begin(partitions: ReadonlyMap<string, readonly number[]>): void {
    const before = this.#tenure
    before?.end()
    for (const topic of before?.partitions.keys() ?? []) {
      this.#environment.hooks.observe?.({ kind: 'ownership_lost', group: this.#options.group, topic })
    }
    const tenure = new Tenure(partitions)
    this.#tenure = tenure
    const { timing, parking } = this.#environment
    void this.#placement.prepare(tenure, {
      parking,
      stopping: this.#stopping.signal,
      backoffMs: timing.backoffMs,
      onOutage: (topic, error) => this.#observeOutage(topic, error),
    })
  }

  #mayDeliver(tenure: Tenure | undefined): tenure is Tenure {
    if (this.#stopping.signal.aborted || this.#isPaused) return false
    return tenure !== undefined && tenure === this.#tenure && !tenure.signal.aborted
  }

  /** What kafkajs calls with records of a partition. Throws only what the group answered a heartbeat. */
  async #take(payload: EachBatchPayload): Promise<void> {
    const { sessionMs, heartbeatMs, rebalanceMs, leaveMs } = this.#environment.timing
    const tenure = this.#tenure
    const pulse = new Pulse({
      everyMs: heartbeatMs,
      graceMs: rebalanceMs * 0.8,
      beat: () => {
        if (this.#contact.silentMs > sessionMs) tenure?.end()
        return payload.heartbeat()
      },
      onLost: () => tenure?.end(),
    })
    let summons: unknown
    try {
      await this.#started.promise
      await tenure?.ready
      await this.#deliverSlices(payload, tenure, pulse)
    } catch (error) {
      if (!(error instanceof OwnershipLost)) summons = error
    } finally {
      pulse.stop()
    }
    try {
      if (summons === undefined && pulse.summons === undefined && tenure?.signal.aborted) {
        // Nobody says that we are no member: after a good heartbeat the partitions are still ours.
        await payload.heartbeat()
        if (tenure === this.#tenure && !this.#stopping.signal.aborted) this.#begin(tenure.partitions)
      }
    } catch (error) {
      summons = error
    }
    summons ??= pulse.summons
    if (summons === undefined) return
    await atMost(leaveMs, this.#commits.record())
    throw asClientError(summons)
  }

  async #deliverSlices(payload: EachBatchPayload, tenure: Tenure | undefined, pulse: Pulse): Promise<void> {
    const { topic, partition } = payload.batch
    // A consumer that kafkajs restarted has forgotten that it is paused.
    if (this.#isPaused) this.#consumer.pause([{ topic }])
    for (const { taken, lastOffset } of slicesOf(payload.batch, this.#options.maxBatch ?? busLimits.batchRecords)) {
      const release = await this.#turn.take()
      try {
        if (!this.#mayDeliver(tenure) || !payload.isRunning() || payload.isStale()) return
        const isSettled = await this.#handling.untilSettled(tenure, taken, {
          onOutage: (error) => this.#observeOutage(topic, error),
          rest: (attempt) => pause(this.#environment.timing.backoffMs(attempt), this.#stopping.signal),
          mayGoOn: () => this.#mayDeliver(tenure) && pulse.summons === undefined,
        })
        if (!isSettled) return
        payload.resolveOffset(lastOffset)
        this.#commits.note({ topic, partition, offset: BigInt(lastOffset) + 1n })
      } finally {
        release()
      }
      if (pulse.summons !== undefined) return
      await payload.heartbeat()
    }
  }

  async #redriveBatch(topic: string): Promise<boolean> {
    const release = await this.#turn.take()
    try {
      const tenure = this.#tenure
      if (!this.#mayDeliver(tenure) || !tenure.isReady || !tenure.partitions.has(topic)) return false
      return await this.#handling.redrive(tenure, topic, this.#options.maxBatch ?? busLimits.batchRecords)
    } finally {
      release()
    }
  }

  /** Claims the partitions anew when this member is still heard in its group. */
  #claimAgain(): void {
    const { heartbeatMs, maxWaitMs } = this.#environment.timing
    const isMember = this.#contact.silentMs < heartbeatMs + maxWaitMs
    if (this.#tenure !== undefined && isMember && !this.#stopping.signal.aborted) this.#begin(this.#tenure.partitions)
  }

  #observeOutage(topic: string, error: unknown): void {
    this.#environment.hooks.observe?.({ kind: 'outage', group: this.#options.group, topic, error })
  }
}
