import { describe, expect, it } from 'vitest'
import { WaitingReaders } from './waiting-readers.ts'

const longMs = 60_000
const never = new AbortController().signal

/** Whether a promise is settled once everything that is due now has run. */
const isSettled = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))])

describe('waiting readers', () => {
  it('are released by what they wait for and by nothing else', async () => {
    const readers = new WaitingReaders()
    const [first, second, other] = ['a', 'a', 'b'].map((id) => readers.next(id, longMs, never))
    readers.wake(['a', 'nobody waits for this'])
    await Promise.all([first, second])
    expect(await isSettled(other ?? Promise.resolve())).toBe(false)
    readers.wake(['b'])
    await other
  })

  it('are all released when nobody knows what changed', async () => {
    const readers = new WaitingReaders()
    const all = ['a', 'b', 'c'].map((id) => readers.next(id, longMs, never))
    readers.wake(undefined)
    await Promise.all(all)
  })

  it('wait no longer than they said, nor than the service runs', async () => {
    const readers = new WaitingReaders()
    await readers.next('a', 1, never)
    const stopping = new AbortController()
    const waiting = readers.next('a', longMs, stopping.signal)
    stopping.abort()
    await waiting
    await readers.next('a', longMs, stopping.signal)
  })
})
