import { describe, expect, it } from 'vitest'
import { allEnded, askedTogether } from './asked-together.ts'
import type { Transaction } from './transaction.ts'

const transaction = (): Transaction => ({ query: () => Promise.reject(new Error('nobody asks it here')) }) as never

const observed = () => {
  const statements: { readonly tx: Transaction; readonly asks: readonly number[] }[] = []
  const doubles = askedTogether(async (tx, asks: readonly number[]) => {
    statements.push({ tx, asks: [...asks] })
    if (asks.includes(0)) throw new Error('seeded fault')
    return asks.map((ask) => ask * 2)
  })
  return { statements, doubles }
}

describe('what is asked in one turn of a transaction', () => {
  it('is one statement, and each gets the answers to their own questions in their order', async () => {
    const { statements, doubles } = observed()
    const tx = transaction()
    const later = async () => (await Promise.resolve(), doubles(tx, [5]))
    expect(await Promise.all([doubles(tx, [1, 2]), doubles(tx, []), doubles(tx, [3]), later()])).toEqual([
      [2, 4],
      [],
      [6],
      [10],
    ])
    expect(statements).toEqual([{ tx, asks: [1, 2, 3, 5] }])
  })

  it('is never mixed with what another transaction asks, or with what is asked later', async () => {
    const { statements, doubles } = observed()
    const [one, other] = [transaction(), transaction()]
    await Promise.all([doubles(one, [1]), doubles(other, [2])])
    await doubles(one, [3])
    expect(statements.map(({ asks }) => asks)).toEqual([[1], [2], [3]])
    expect(statements.map(({ tx }) => tx === one)).toEqual([true, false, true])
  })

  it('fails for all who asked, and the next turn begins anew', async () => {
    const { doubles } = observed()
    const tx = transaction()
    const failed = await Promise.allSettled([doubles(tx, [0]), doubles(tx, [1])])
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await doubles(tx, [1])).toEqual([2])
  })
})

describe('work that shares a connection', () => {
  it('has all ended when one of it has failed', async () => {
    const ended: string[] = []
    const slow = new Promise<void>((resolve) => setImmediate(resolve)).then(() => ended.push('slow'))
    await expect(allEnded([Promise.reject(new Error('seeded fault')), slow])).rejects.toThrow('seeded fault')
    expect(ended).toEqual(['slow'])
  })
})
