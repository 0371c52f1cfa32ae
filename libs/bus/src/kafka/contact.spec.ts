import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Contact } from './contact.ts'

describe('the contact with a broker', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('tells of silence when it has lasted as long as a session, and again after as long', () => {
    const told: string[] = []
    const contact = new Contact(8_000, ({ message }) => told.push(message))
    vi.advanceTimersByTime(7_000)
    contact.made()
    vi.advanceTimersByTime(6_000)
    expect(told).toEqual([])
    vi.advanceTimersByTime(10_000)
    expect(told).toEqual([expect.stringContaining('has not answered'), expect.stringContaining('has not answered')])
    contact.stop()
    vi.advanceTimersByTime(60_000)
    expect(told).toHaveLength(2)
  })
})
