import { describe, expect, it } from 'vitest'
import { readCommandLine, usage, WrongUse } from './command-line.ts'

const wanted = (...args: string[]) => [...readCommandLine(args).wanted]

describe('what the bench is asked for', () => {
  it('is everything, the quick parts, or what is named', () => {
    expect(wanted()).toEqual(expect.arrayContaining(['end-to-end', 'stages', 'T1', 'T11-CPU', 'T11-memory', 'first']))
    expect(wanted('--quick')).toEqual(['T1', 'T2', 'T3', 'T4', 'T5', 'T8'])
    expect(wanted('--only', 't4, stages')).toEqual(['T4', 'stages'])
  })

  it('is both parts of a target that has two, by its own name', () => {
    expect(wanted('--only', 'T11')).toEqual(['T11-CPU', 'T11-memory'])
    expect(wanted('--only', 'T11-memory')).toEqual(['T11-memory'])
    expect(wanted('--only', 'T1')).toEqual(['T1'])
  })

  it.each([
    [['--only', 'T99'], 'there is no part "T99"'],
    [['--only', 'T1-'], 'there is no part "T1-"'],
    [['--only', ''], 'there is no part ""'],
    [['--only'], '--only'],
    [['--slow'], '--slow'],
    [['T4'], 'T4'],
  ] as const)('is told to be wrong use: %j', (args, words) => {
    expect(() => readCommandLine(args)).toThrow(WrongUse)
    expect(() => readCommandLine(args)).toThrow(words)
  })

  it('is explained part by part', () => {
    for (const part of wanted()) expect(usage()).toContain(`  ${part} `)
  })
})
