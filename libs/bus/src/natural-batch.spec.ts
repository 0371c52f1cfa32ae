import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NaturalBatch } from './natural-batch.ts'

const batchOf = (send: (items: readonly number[]) => Promise<void>, maxItems = 500, maxBytes = 900_000) =>
  new NaturalBatch({ send, sizeOf: (item: number) => item, maxItems, maxBytes })

it('sends everything in the order of the calls, one send at a time, none above a limit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 9 })), async (calls) => {
      const sends: (readonly number[])[] = []
      let inFlight = 0
      const batch = batchOf(
        async (items) => {
          inFlight += 1
          expect(inFlight).toBe(1)
          await new Promise((resolve) => setImmediate(resolve))
          sends.push(items)
          inFlight -= 1
        },
        4,
        10,
      )
      await Promise.all(calls.map((items) => batch.add(items)))
      expect(sends.flat()).toEqual(calls.flat())
      for (const items of sends) {
        expect(items.length).toBeLessThanOrEqual(4)
        if (items.length > 1) expect(items.reduce((sum, item) => sum + item, 0)).toBeLessThanOrEqual(10)
      }
    }),
  )
})

it('sends what gathers during a send in the next one', async () => {
  const sends: (readonly number[])[] = []
  const first = Promise.withResolvers<void>()
  const batch = batchOf(async (items) => {
    sends.push(items)
    if (sends.length === 1) await first.promise
  })
  const calls = [batch.add([1])]
  await Promise.resolve()
  for (const item of [2, 3, 4]) calls.push(batch.add([item]))
  first.resolve()
  await Promise.all(calls)
  expect(sends).toEqual([[1], [2, 3, 4]])
})

it('rejects the calls of a failed send, sends no more of theirs and goes on with the others', async () => {
  const sends: (readonly number[])[] = []
  const batch = batchOf(async (items) => {
    sends.push(items)
    if (sends.length === 1) throw new Error('down')
  }, 2)
  const results = await Promise.allSettled([batch.add([1, 2, 3]), batch.add([4]), batch.add([])])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
  expect(sends).toEqual([[1, 2], [4]])
  await batch.idle()
})
