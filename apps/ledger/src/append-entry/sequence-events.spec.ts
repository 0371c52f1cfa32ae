import { expect, it } from 'vitest'
import { MAX_BATCH } from './append-batch.ts'
import { spacingAfter } from './sequence-events.ts'

it('lets more gather while many come, and goes on at once behind a full batch', () => {
  expect([0, 1, 19].map(spacingAfter)).toEqual([200, 200, 200])
  expect([20, 120, MAX_BATCH - 1].map(spacingAfter)).toEqual([500, 500, 500])
  expect(spacingAfter(MAX_BATCH)).toBe(0)
})
