import type { BusHooks, BusObservation } from '@countersign/bus'
import type { Log } from './log.ts'
import { counter } from './metrics.ts'

/** An outage tries again several times a second; it is logged when it begins and this often while it lasts. */
const logEveryMs = 30_000

const records = counter('countersign.bus.records', { description: 'Records by what became of them', unit: '{record}' })
const outages = counter('countersign.bus.outages', { description: 'Failed tries to handle a batch', unit: '{try}' })
const handovers = counter('countersign.bus.ownership_lost', {
  description: 'Times that another consumer took over',
  unit: '{handover}',
})

/** Turns what a driver tells into metrics and, for what an operator has to know, into log lines. */
export const observeBus = (log: Log, now: () => number = () => performance.now()): BusHooks['observe'] & object => {
  const loggedAt = new Map<string, number>()
  const isDue = (place: string): boolean => {
    const before = loggedAt.get(place)
    if (before !== undefined && now() - before < logEveryMs) return false
    loggedAt.set(place, now())
    return true
  }
  return (seen: BusObservation): void => {
    switch (seen.kind) {
      case 'published':
        records.add(seen.records, { outcome: 'published' })
        return
      case 'fetched':
        return
      case 'settled':
        loggedAt.delete(`${seen.group} ${seen.topic}`)
        records.add(seen.records, { outcome: 'settled', group: seen.group, topic: seen.topic })
        return
      case 'quarantined':
      case 'parked': {
        const { kind: outcome, group, topic, reason } = seen
        records.add(seen.records, { outcome, group, topic, reason })
        log.error({ group, topic, reason, records: seen.records }, `records were ${outcome}`)
        return
      }
      case 'outage': {
        const { group, topic, error } = seen
        outages.add(1, { group, topic })
        if (isDue(`${group} ${topic}`)) log.warn({ err: error, group, topic }, 'a batch waits for an outage to end')
        return
      }
      case 'ownership_lost':
        handovers.add(1, { group: seen.group, topic: seen.topic })
    }
  }
}
