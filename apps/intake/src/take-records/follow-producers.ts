import type { Bus } from '@countersign/bus'
import type { Consumer, Gauge, HealthChecks, Log, ProducerTransport } from '@countersign/service-kit'
import { observeBusLag } from '@countersign/service-kit'
import type pg from 'pg'
import { consumableProducers } from './producer-caller.ts'
import { groupOfProducer } from './producer-topics.ts'

/** A registration counts within this time after its commit. Every append wakes, so looks are this far apart at least. */
const betweenLooksMs = 500
/** How long a lost wake-up may delay a registration. */
const idleMs = 5_000

export type FollowProducersOptions = {
  readonly pool: pg.Pool
  readonly bus: Bus
  readonly transport: ProducerTransport
  readonly checks: HealthChecks
  readonly log: Log
}

/**
 * Keeps the subscriptions in step with the register of producers. A name that several tenants gave stands for nobody: its
 * topics are not consumed, and log and health say so until that is mended.
 */
export class FollowProducers implements Consumer {
  readonly name = 'follow-producers'
  readonly #options: FollowProducersOptions
  readonly #gauges = new Map<string, Gauge>()
  #unclear: readonly string[] = []
  #running: Promise<void> | undefined
  #isStopping = false
  #isWoken = false
  readonly #rest = new Pause()
  readonly #idle = new Pause()

  constructor(options: FollowProducersOptions) {
    this.#options = options
    options.checks.register({
      name: 'producer_topics',
      effect: 'degraded',
      probe: () => (this.#unclear.length > 0 ? 'producer_unclear' : options.transport.troubles[0]?.code),
    })
  }

  /** A producer may have been registered. Cheap. */
  wake(): void {
    this.#isWoken = true
    this.#idle.end()
  }

  async start(): Promise<void> {
    await this.#look()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#rest.end()
    this.#idle.end()
    await this.#running
    for (const gauge of this.#gauges.values()) gauge.remove()
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#rest.wait(betweenLooksMs)
      if (!this.#isWoken && !this.#isStopping) await this.#idle.wait(idleMs)
      this.#isWoken = false
      if (!this.#isStopping) await this.#look()
    }
  }

  async #look(): Promise<void> {
    const { pool, transport, log } = this.#options
    try {
      const { names, unclear } = await consumableProducers(pool)
      const fresh = unclear.filter((name) => !this.#unclear.includes(name))
      if (fresh.length > 0)
        log.error({ producers: fresh }, 'names of producers stand for no single client; their topics are not consumed')
      this.#unclear = unclear
      transport.follow(names)
      this.#measure(names)
    } catch (error) {
      log.warn({ err: error }, 'the register of producers could not be read; those known so far stay')
    }
  }

  #measure(names: readonly string[]): void {
    for (const name of names) {
      if (this.#gauges.has(name)) continue
      this.#gauges.set(name, observeBusLag(this.#options.bus, groupOfProducer(name)))
    }
    const known = new Set(names)
    for (const [name, gauge] of this.#gauges) {
      if (known.has(name)) continue
      gauge.remove()
      this.#gauges.delete(name)
    }
  }
}

/** A wait that can be cut short. */
class Pause {
  #end: () => void = () => undefined

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#end = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  end(): void {
    this.#end()
  }
}
