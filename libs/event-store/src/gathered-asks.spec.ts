import { describe, expect, it } from 'vitest'
import { GatheredAsks } from './gathered-asks.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('questions that come one by one', () => {
  it('are one at a time, however many ask, and each gets its own answer', async () => {
    let underWay = 0
    const asked: (readonly string[])[] = []
    const gathered = new GatheredAsks(async (ids: readonly string[]) => {
      underWay += 1
      expect(underWay).toBe(1)
      asked.push(ids)
      await turn()
      underWay -= 1
      return ids.map((id) => (id === 'unknown' ? undefined : `found ${id}`))
    })
    const first = gathered.ask('a')
    await turn()
    const found = await Promise.all([first, ...['b', 'b', 'unknown', 'c'].map((id) => gathered.ask(id))])
    expect(found).toEqual(['found a', 'found b', 'found b', undefined, 'found c'])
    expect(asked).toEqual([['a'], ['b', 'b', 'unknown', 'c']])
  })

  it('that come while others are answered get an answer of their own, never one that is older than they are', async () => {
    let now = 0
    const gathered = new GatheredAsks(async (asks: readonly string[]) => {
      const at = now
      await turn()
      return asks.map(() => at)
    })
    const first = gathered.ask('a')
    await turn()
    now = 1
    expect(await Promise.all([first, gathered.ask('a')])).toEqual([0, 1])
  })

  it('do not fail with one that cannot be answered, and go on after a failure', async () => {
    const gathered = new GatheredAsks(async (asks: readonly number[]) => {
      if (asks.includes(0)) throw new Error('seeded fault')
      return asks
    })
    const answers = await Promise.allSettled([1, 0, 2].map((ask) => gathered.ask(ask)))
    expect(answers).toMatchObject([{ value: 1 }, { reason: { message: 'seeded fault' } }, { value: 2 }])
    expect(await gathered.ask(3)).toBe(3)
  })

  it('are all refused at once when the database is gone', async () => {
    let tries = 0
    const gathered = new GatheredAsks(async () => {
      tries += 1
      throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })
    })
    const answers = await Promise.allSettled([1, 2, 3].map((ask) => gathered.ask(ask)))
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(tries).toBe(1)
  })
})
