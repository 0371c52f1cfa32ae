import { describe, expect, it } from 'vitest'
import { observeBus } from './bus-observations.ts'
import type { Log } from './log.ts'

const place = { group: 'g', topic: 't' }

const recorded = () => {
  const lines: string[] = []
  let now = 0
  const line = (level: string) => (_fields: unknown, text: string) => void lines.push(`${level}: ${text}`)
  const log = { warn: line('warn'), error: line('error') } as unknown as Log
  const observe = observeBus(log, () => now)
  return { lines, observe, pass: (ms: number) => (now += ms) }
}

describe('what the bus tells', () => {
  it('is an error in the log for every record that was set aside', () => {
    const { lines, observe } = recorded()
    observe({ kind: 'quarantined', ...place, reason: 'mac_invalid', records: 1 })
    observe({ kind: 'parked', ...place, reason: 'unreadable', records: 2 })
    expect(lines).toEqual(['error: records were quarantined', 'error: records were parked'])
  })

  it('is one line for an outage, another after half a minute of it, and one for the next outage', () => {
    const { lines, observe, pass } = recorded()
    const outage = { kind: 'outage', ...place, error: new Error('down') } as const
    for (let tries = 0; tries < 5; tries += 1) observe(outage)
    expect(lines).toHaveLength(1)
    pass(30_000)
    observe(outage)
    expect(lines).toHaveLength(2)
    observe({ kind: 'settled', ...place, records: 1 })
    observe(outage)
    expect(lines).toHaveLength(3)
  })
})
