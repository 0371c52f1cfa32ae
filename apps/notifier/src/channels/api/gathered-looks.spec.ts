import { describe, expect, it } from 'vitest'
import type { TrackedReview } from '../../present-review/tracked-review.ts'
import { GatheredLooks } from './gathered-looks.ts'

const review = (reviewId: string) => ({ reviewId }) as TrackedReview

describe('looks for reviews', () => {
  it('are one query at a time, however many wait, and each gets its own answer', async () => {
    let underWay = 0
    const asked: (readonly string[])[] = []
    const looks = new GatheredLooks(async (ids) => {
      underWay += 1
      expect(underWay).toBe(1)
      asked.push(ids)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return new Map(ids.filter((id) => id !== 'unknown').map((id) => [id, review(id)]))
    })
    const ids = ['a', 'b', 'b', 'unknown', 'c']
    const found = await Promise.all(ids.map((id) => looks.look(id)))
    expect(found.map((one) => one?.reviewId)).toEqual(['a', 'b', 'b', undefined, 'c'])
    expect(asked).toEqual([['a'], ['b', 'unknown', 'c']])
  })

  it('fail for those who asked, and go on', async () => {
    let isDown = true
    const looks = new GatheredLooks(async (ids) => {
      if (isDown) throw new Error('seeded fault')
      return new Map(ids.map((id) => [id, review(id)]))
    })
    await expect(looks.look('a')).rejects.toThrow('seeded fault')
    isDown = false
    expect((await looks.look('a'))?.reviewId).toBe('a')
  })
})
