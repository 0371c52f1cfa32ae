import { expect, it } from 'vitest'
import { Refused } from './problem-details.ts'
import { WaitingPlaces } from './waiting-places.ts'

it('places in which callers wait are so many for each, and free again when they are left', () => {
  const places = new WaitingPlaces(2)
  const leave = places.take('ours')
  places.take('ours')
  expect(() => places.take('ours')).toThrow(Refused)
  places.take('theirs')
  leave()
  places.take('ours')
  expect(() => places.take('ours')).toThrow('too_many_requests')
})
