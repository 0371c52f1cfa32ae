import { expect, it, vi } from 'vitest'
import { startWorkLoop } from './work-loop.ts'

const HOUR_MS = 3_600_000

const loopOver = (work: (round: number) => Promise<boolean>) => {
  const failures: unknown[] = []
  let rounds = 0
  const loop = startWorkLoop({
    work: () => {
      rounds += 1
      return work(rounds)
    },
    onSuccess: () => undefined,
    onFailure: (error) => failures.push(error),
    idleMs: HOUR_MS,
  })
  return { loop, failures, rounds: () => rounds }
}

it('works until nothing is left, then only when it is woken', async () => {
  const { loop, rounds } = loopOver(async (round) => round < 5)
  await loop.attempt()
  while (rounds() < 5) await loop.attempt()
  const before = rounds()
  await loop.attempt()
  expect(rounds()).toBe(before + 1)
  await loop.stop()
})

it('looks ever less often while it finds nothing, and as often as at first once it was woken', async () => {
  vi.useFakeTimers({ now: 0 })
  try {
    const looks: number[] = []
    const loop = startWorkLoop({
      work: async () => {
        looks.push(Date.now())
        return false
      },
      onSuccess: () => undefined,
      onFailure: () => undefined,
      idleMs: 1_000,
      longestIdleMs: 4_000,
    })
    await vi.advanceTimersByTimeAsync(12_000)
    expect(looks).toEqual([0, 1_000, 3_000, 7_000, 11_000])
    loop.wake()
    await vi.advanceTimersByTimeAsync(3_000)
    expect(looks.slice(5)).toEqual([12_000, 13_000, 15_000])
    await loop.stop()
  } finally {
    vi.useRealTimers()
  }
})

it('remembers a wake-up that comes while it works', async () => {
  const gate = Promise.withResolvers<boolean>()
  const { loop, rounds } = loopOver((round) => (round === 1 ? gate.promise : Promise.resolve(false)))
  const second = loop.attempt()
  gate.resolve(false)
  await second
  expect(rounds()).toBe(2)
  await loop.stop()
})

it('tells of a failure and tries again', async () => {
  const { loop, failures, rounds } = loopOver(async (round) => {
    if (round === 1) throw new Error('seeded fault')
    return false
  })
  await loop.attempt()
  while (rounds() < 2) await loop.attempt()
  expect(failures).toEqual([new Error('seeded fault')])
  await loop.stop()
})

it('stops after the work at hand and lets nobody wait', async () => {
  const gate = Promise.withResolvers<boolean>()
  const { loop, rounds } = loopOver(() => gate.promise)
  const waiting = loop.attempt()
  const stopped = loop.stop()
  gate.resolve(true)
  await stopped
  await waiting
  await loop.attempt()
  expect(rounds()).toBe(1)
})

it('rests after each piece of work for as long as is asked then, and a stop ends the rest', async () => {
  const rests = [0, 0, HOUR_MS]
  let rounds = 0
  const loop = startWorkLoop({
    work: async () => {
      rounds += 1
      return true
    },
    onSuccess: () => undefined,
    onFailure: (error) => expect.fail(String(error)),
    idleMs: HOUR_MS,
    spacingMs: () => rests[rounds - 1] ?? expect.fail('it worked while it should rest'),
  })
  while (rounds < rests.length) await loop.attempt()
  loop.wake()
  await loop.stop()
  expect(rounds).toBe(rests.length)
})
