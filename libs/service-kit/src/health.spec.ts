import { describe, expect, it } from 'vitest'
import { type CheckEffect, HealthChecks } from './health.ts'

const setUp = () => {
  let now = Date.parse('2026-11-21T10:00:00.000Z')
  const checks = new HealthChecks({ now: () => now })
  const problems = new Map<string, string | undefined>()
  const probed: string[] = []
  const register = (name: string, effect: CheckEffect) =>
    checks.register({
      name,
      effect,
      probe: () => {
        probed.push(name)
        return problems.get(name)
      },
    })
  return { checks, problems, probed, register, pass: (ms: number) => (now += ms) }
}

describe('readiness', () => {
  it('is ready with all checks well, degraded or not ready by the worst that fails', async () => {
    const { checks, problems, register, pass } = setUp()
    register('store', 'not_ready')
    register('slack', 'degraded')
    expect((await checks.report()).status).toBe('ready')
    problems.set('slack', 'unreachable')
    pass(1_000)
    expect((await checks.report()).status).toBe('degraded')
    problems.set('store', 'in_recovery')
    pass(1_000)
    expect((await checks.report()).status).toBe('not_ready')
  })

  it('says since when a check is as it is', async () => {
    const { checks, problems, register, pass } = setUp()
    register('store', 'not_ready')
    await checks.report()
    pass(5_000)
    problems.set('store', 'in_recovery')
    await checks.report()
    pass(5_000)
    expect((await checks.report()).checks).toEqual([
      { name: 'store', status: 'failing', since: '2026-11-21T10:00:05.000Z', code: 'in_recovery' },
    ])
  })

  it('asks again only after a second, however often it is asked', async () => {
    const { checks, probed, register, pass } = setUp()
    register('store', 'not_ready')
    await Promise.all([checks.report(), checks.report(), checks.report()])
    pass(999)
    await checks.report()
    expect(probed).toHaveLength(1)
    pass(1)
    await checks.report()
    expect(probed).toHaveLength(2)
  })

  it('counts a probe that throws as failing and tells nothing of its error', async () => {
    const { checks } = setUp()
    checks.register({
      name: 'store',
      effect: 'not_ready',
      probe: async () => {
        throw new Error('connect postgres://intake:hunter2@db')
      },
    })
    checks.register({ name: 'bus', effect: 'not_ready', probe: () => 'broker hunter2:9092 is down' })
    const report = await checks.report()
    expect(report.checks.map((check) => check.code)).toEqual(['probe_failed', 'probe_failed'])
    expect(JSON.stringify(report)).not.toContain('hunter2')
  })

  it('refuses two checks of one name', () => {
    const { register } = setUp()
    register('store', 'not_ready')
    expect(() => register('store', 'degraded')).toThrow('registered twice')
  })
})
