import type { BusHooks, DeliveredRecord, OutboundRecord, SubscribeOptions } from '../bus.ts'
import { announceQuarantined } from '../quarantine.ts'
import { behindParked, deliver, type SetAside, type Settled } from '../settle.ts'
import { coordinatesOf, type Taken } from './delivered.ts'
import type { ParkingLot } from './parking-lot.ts'
import { OwnershipLost, type Tenure } from './tenure.ts'

export interface HandlingOptions {
  readonly hooks: BusHooks
  readonly parking: ParkingLot
  readonly publish: (records: readonly OutboundRecord[]) => Promise<void>
  readonly subscription: SubscribeOptions
}

/** How an outage is waited out. */
export interface Patience {
  readonly onOutage: (error: unknown) => void
  readonly rest: (attempt: number) => Promise<void>
  readonly mayGoOn: () => boolean
}

/** One pass of records through the handler and what its answer asks for. Throws for an outage; all may come again. */
export class Handling {
  readonly #options: HandlingOptions

  constructor(options: HandlingOptions) {
    this.#options = options
  }

  /** Until the records, all of one partition, are settled, however often that fails; false when the consumer has to let go of them first. */
  async untilSettled(tenure: Tenure, taken: readonly Taken[], { onOutage, rest, mayGoOn }: Patience): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#consume(tenure, taken)
        return true
      } catch (error) {
        if (error instanceof OwnershipLost) throw error
        onOutage(error)
        await rest(attempt)
        if (!mayGoOn()) return false
      }
    }
  }

  async #consume(tenure: Tenure, taken: readonly Taken[]): Promise<void> {
    const [one] = taken
    if (one === undefined) return
    const { topic } = one.record
    const { group } = this.#options.subscription
    const running: DeliveredRecord[] = []
    const held: SetAside[] = []
    const unfit: SetAside[] = []
    for (const { record, unfit: reason } of taken) {
      if (reason !== undefined) unfit.push({ record, reason })
      else if (tenure.isStopped(topic, record.key)) held.push({ record, reason: behindParked })
      else running.push(record)
    }
    const settled = await this.#deliver(tenure, topic, running)
    const quarantined = [...settled.quarantined, ...unfit]
    await this.#announce(quarantined)
    const kept = [...settled.parked, ...held]
    const [first] = kept
    if (first !== undefined) {
      const { partition } = coordinatesOf(first.record.position)
      const isKept = await this.#options.parking.park(tenure.claimOf(group, topic), partition, kept)
      if (!isKept) throw new OwnershipLost()
      const stopped = tenure.stopped.get(topic) ?? new Set()
      for (const { record } of kept) if (record.key !== null) stopped.add(record.key)
      tenure.stopped.set(topic, stopped)
    }
    this.#report(topic, { done: settled.done, quarantined, parked: kept })
  }

  /** Parked records that an operator wants delivered again; answers whether there were any. */
  async redrive(tenure: Tenure, topic: string, maxRecords: number): Promise<boolean> {
    const { parking, subscription } = this.#options
    const claim = tenure.claimOf(subscription.group, topic)
    const records = await parking.nextRedrive(claim, maxRecords)
    const [first] = records
    if (first === undefined) return false
    const outcome = await this.#deliver(tenure, topic, records)
    await this.#announce(outcome.quarantined)
    const settled = [...outcome.done, ...outcome.quarantined.map(({ record }) => record)]
    const { partition } = coordinatesOf(first.position)
    const stopped = await parking.settleRedrive(claim, partition, { settled, parked: outcome.parked })
    if (stopped === undefined) throw new OwnershipLost()
    tenure.stopped.set(topic, new Set(stopped))
    this.#report(topic, outcome)
    return true
  }

  async #deliver(tenure: Tenure, topic: string, records: readonly DeliveredRecord[]): Promise<Settled> {
    if (tenure.signal.aborted) throw new OwnershipLost()
    if (records.length === 0) return { done: [], quarantined: [], parked: [] }
    const { hooks, subscription } = this.#options
    hooks.observe?.({ kind: 'fetched', group: subscription.group, topic, records: records.length })
    const handle = subscription.handle.bind(subscription)
    const settled = await deliver({ topic, records, signal: tenure.signal }, handle, hooks.redeliver?.bind(hooks))
    if (tenure.signal.aborted) throw new OwnershipLost()
    return settled
  }

  async #announce(quarantined: readonly SetAside[]): Promise<void> {
    if (quarantined.length === 0) return
    await this.#options.publish(await announceQuarantined(quarantined, this.#options.subscription))
  }

  #report(topic: string, { done, quarantined, parked }: Settled): void {
    const { hooks, subscription } = this.#options
    const { group } = subscription
    if (hooks.observe === undefined) return
    hooks.observe({ kind: 'settled', group, topic, records: done.length })
    for (const [kind, asides] of [['quarantined', quarantined] as const, ['parked', parked] as const]) {
      for (const [reason, same] of Map.groupBy(asides, (aside) => aside.reason)) {
        hooks.observe({ kind, group, topic, reason, records: same.length })
      }
    }
  }
}
