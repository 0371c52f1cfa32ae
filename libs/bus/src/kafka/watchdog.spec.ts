import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Watchdog } from './watchdog.ts'

describe('the watchdog', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('reports silence once, and only after the whole limit', () => {
    const onSilence = vi.fn()
    const watchdog = new Watchdog(8_000, onSilence)
    vi.advanceTimersByTime(7_000)
    watchdog.signOfLife()
    vi.advanceTimersByTime(7_999)
    expect(onSilence).not.toHaveBeenCalled()
    vi.advanceTimersByTime(60_000)
    expect(onSilence).toHaveBeenCalledOnce()
    watchdog.stop()
  })

  it('says nothing after it was stopped', () => {
    const onSilence = vi.fn()
    new Watchdog(8_000, onSilence).stop()
    vi.advanceTimersByTime(60_000)
    expect(onSilence).not.toHaveBeenCalled()
  })
})
