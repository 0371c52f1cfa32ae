import { expect, it } from 'vitest'
import { stopWhile } from '../instance/starting-process.ts'

it.each(['open data folder', 'create PostgreSQL', 'prepare database', 'seed registers', 'start services'])(
  'an instance that is asked to stop right after "%s" ends in order, with 0, and leaves nothing running',
  async (step) => {
    const { how, output, left } = await stopWhile('postgres', (said) => said.includes(step))
    expect(output).not.toContain('could not start')
    expect(output).toMatch(/stopped before it was ready|stopped, everything is kept/)
    expect(how).toBe(0)
    expect(left).toEqual([])
  },
  120_000,
)
