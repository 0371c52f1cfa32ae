import { describe, expect, it } from 'vitest'
import { figuresOf, interleaved, ratioOf } from './compare.ts'
import { readCommandLine } from './command-line.ts'
import type { Round } from './side/side.ts'
import { measured, notRun } from './targets.ts'

const round = (count: number, wallMs: number, cpuMs = wallMs): Round => ({ count, wallMs, cpuMs })

describe('interleaved rounds', () => {
  it('take turns A B, B A, and leave out the first of each', async () => {
    const order: string[] = []
    const side = (name: string) => async () => {
      order.push(name)
      return round(order.length, 1)
    }
    const done = await interleaved(3, { ours: side('A'), yardstick: side('B') })
    expect(order.join('')).toBe('ABBAABBA')
    expect(done.ours.map(({ count }) => count)).toEqual([4, 5, 8])
    expect(done.yardstick.map(({ count }) => count)).toEqual([3, 6, 7])
  })
})

describe('a comparison', () => {
  const ours = [round(100, 1_000, 200), round(300, 1_000, 300), round(100, 2_000, 100)]
  const yardstick = [round(100, 500, 100), round(100, 1_000, 200), round(50, 1_000, 100)]

  it('divides round by round, by wall time or by CPU time, and takes the median of that', () => {
    expect(ratioOf(ours, yardstick, 'perSecond')).toMatchObject({ median: 1, min: 0.5, max: 3, rounds: [0.5, 3, 1] })
    expect(ratioOf(ours, yardstick, 'perCpuSecond')).toMatchObject({ median: 2, rounds: [0.5, 2, 2] })
  })

  it.each([
    [0.79, 'below target'],
    [0.8, 'met'],
    [2, 'met'],
  ])('with a ratio of %d is %s', (median, verdict) => {
    const ratio = { median, min: median, max: median, rounds: [median] }
    const sides = { ours: figuresOf('ours', ours), yardstick: figuresOf('yardstick', yardstick), ratio }
    expect(measured('T1', sides)).toMatchObject({ id: 'T1', verdict })
  })

  it.each([
    [3, 'met'],
    [3.1, 'above target'],
  ])('that may be at most 3 is at %d %s', (median, verdict) => {
    const ratio = { median, min: median, max: median, rounds: [median] }
    expect(measured('T8', { ours: figuresOf('ours', ours), ratio })).toMatchObject({ verdict })
  })

  it('that was not run says why and has no figure', () => {
    expect(notRun('T3', 'java is missing')).not.toHaveProperty('ratio')
    expect(notRun('T3', 'java is missing')).toMatchObject({ id: 'T3', notRun: 'java is missing' })
  })
})

describe('the command line', () => {
  it('takes the parts it is given, whatever their case', () => {
    expect([...readCommandLine(['--only', 't1, stages']).wanted]).toEqual(['T1', 'stages'])
  })

  it('measures less when it is quick', () => {
    const [all, quick] = [readCommandLine([]).wanted, readCommandLine(['--quick']).wanted]
    expect(quick.size).toBeLessThan(all.size)
    expect([...quick].every((part) => all.has(part))).toBe(true)
  })

  it('names the parts there are when it is asked for another', () => {
    expect(() => readCommandLine(['--only', 'T99'])).toThrow(/"T99"; there are .*T1/)
    expect(() => readCommandLine(['--fast'])).toThrow()
  })
})
