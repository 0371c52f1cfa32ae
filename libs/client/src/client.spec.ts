import { afterEach, describe, expect, it, vi } from 'vitest'
import { countersign } from './client.ts'
import { honest, startDeployment, type Conduct } from './deployment.fixture.ts'
import { CountersignRefused, DecisionPending, ProofInvalid, Unreachable } from './errors.ts'
import type { GuardedAction } from './guard.ts'

const action: GuardedAction = {
  agent: { name: 'etl-bot' },
  action: 'data.export',
  target: 'customers',
  environment: 'production',
  parameters: { bucket: 's3://partner-eu' },
  preconditions: { etag: '7' },
  observe: () => ({ etag: '7' }),
}

let stop: (() => Promise<void>) | undefined
afterEach(async () => {
  await stop?.()
  stop = undefined
})

const started = async (bent: Partial<Conduct> = {}) => {
  const deployment = await startDeployment({ ...honest, ...bent })
  stop = deployment.stop
  const client = countersign({ baseUrl: deployment.baseUrl, token: async () => 'a-token' })
  return { deployment, client }
}

/** Guards the action and tells what came of it; `ran` counts how often the function was called. */
const attempt = async (bent: Partial<Conduct>, over: Partial<GuardedAction> = {}) => {
  const { deployment, client } = await started(bent)
  const run = vi.fn(async () => ({ value: 'done', outcome: { rows: 3 } }))
  const outcome = await client.guard({ ...action, ...over }, run).catch((error: unknown) => error)
  return { outcome, run, deployment }
}

describe('a guarded function', () => {
  it('runs once with a verified receipt, and start and result are reported', async () => {
    const { outcome, run, deployment } = await attempt({})
    expect(outcome).toBe('done')
    expect(run).toHaveBeenCalledOnce()
    expect(deployment.reports.map(({ outcome: told, rows }) => [told, rows])).toEqual([
      ['started', undefined],
      ['succeeded', 3],
    ])
  })

  it('looks at its preconditions right before the grant is used, and does not run when the target has moved', async () => {
    const order: string[] = []
    const onState = ({ state }: { state: string }) => void order.push(state)
    const observe = (etag: string) => async () => {
      order.push(`observed ${etag}`)
      return { etag }
    }
    const held = await attempt({}, { onState, observe: observe('7') })
    expect(held.outcome).toBe('done')
    expect(order).toEqual(['published', 'allowed', 'observed 7'])
    await held.deployment.stop()
    const moved = await attempt({}, { observe: observe('8') })
    expect(moved.outcome).toMatchObject({ code: 'stale', pointer: '/preconditions/etag' })
    expect(moved.run).not.toHaveBeenCalled()
  })

  it('does not run when nobody can look at the target', async () => {
    const unseen = new Error('the table does not answer')
    const { outcome, run, deployment } = await attempt({}, { observe: () => Promise.reject(unseen) })
    expect(outcome).toBe(unseen)
    expect(run).not.toHaveBeenCalled()
    expect(deployment.requests.filter((request) => request.endsWith('/redeem'))).toEqual([])
  })

  it('with preconditions that it does not observe is not even published', async () => {
    const { outcome, run, deployment } = await attempt({}, { observe: undefined })
    expect(outcome).toBeInstanceOf(TypeError)
    expect(run).not.toHaveBeenCalled()
    expect(deployment.published()).toBe(0)
  })

  it('waits through a review and tells of each state', async () => {
    const states: string[] = []
    const decision = (read: number) => ({ state: read < 3 ? 'in_review' : 'approved' })
    const { outcome } = await attempt({ decision }, { onState: ({ state }) => void states.push(state) })
    expect(outcome).toBe('done')
    expect(states).toEqual(['published', 'in_review', 'approved'])
  })

  it.each([
    ['denied by policy', { state: 'denied', code: 'policy_denied', rules: ['never'] }, 'policy_denied'],
    ['denied by a person', { state: 'denied', code: 'intent_denied' }, 'intent_denied'],
    ['expired', { state: 'expired', code: 'intent_expired' }, 'intent_expired'],
    ['withdrawn', { state: 'withdrawn' }, 'intent_withdrawn'],
    ['redeemed before', { state: 'redeemed' }, 'intent_redeemed'],
    ['in a state that is not known', { state: 'blessed' }, 'intent_blessed'],
  ])('never runs when the intent is %s', async (_name, view, code) => {
    const { outcome, run, deployment } = await attempt({ decision: () => view })
    expect(outcome).toBeInstanceOf(CountersignRefused)
    expect(outcome).toMatchObject({ code })
    expect(run).not.toHaveBeenCalled()
    expect(deployment.requests.filter((line) => line.includes('grant'))).toEqual([])
  })

  it('never runs when nobody decides in time', async () => {
    const { outcome, run } = await attempt({ decision: () => ({ state: 'in_review' }) }, { waitMs: 20 })
    expect(outcome).toBeInstanceOf(DecisionPending)
    expect(run).not.toHaveBeenCalled()
  })

  it('never runs when the caller gives up waiting', async () => {
    const signal = AbortSignal.timeout(50)
    const { outcome, run } = await attempt({ decision: () => ({ state: 'in_review' }) }, { signal })
    expect(outcome).toMatchObject({ name: 'TimeoutError' })
    expect(run).not.toHaveBeenCalled()
  })

  it.each<[string, Partial<Conduct>]>([
    ['another digest', { grant: (grant) => ({ ...grant, actionDigest: `sha256:${'0'.repeat(64)}` }) }],
    ['another agent', { grant: (grant) => ({ ...grant, binding: { ...grant.binding, agent: grant.binding.tenant } }) }],
    ['another salt', { grant: (grant) => ({ ...grant, binding: { ...grant.binding, salt: 'A'.repeat(43) } }) }],
    ['another intent', { grant: (grant) => ({ ...grant, intentId: grant.binding.tenant }) }],
  ])('never runs, nor redeems, with a grant for %s', async (_name, bent) => {
    const { outcome, run, deployment } = await attempt(bent)
    expect(outcome).toBeInstanceOf(ProofInvalid)
    expect(run).not.toHaveBeenCalled()
    expect(deployment.requests.filter((line) => line.endsWith('/redeem'))).toEqual([])
  })

  it.each<[string, Partial<Conduct>]>([
    ['by a foreign key', { signsWithForeignKey: true }],
    ['as a token of another type', { receiptType: 'countersign-grant+jwt' }],
    ['for another grant', { claims: (claims) => ({ ...claims, grant_id: 'x' }) }],
    ['for another intent', { claims: (claims) => ({ ...claims, intent_id: 'x' }) }],
    ['for an earlier redemption', { claims: (claims) => ({ ...claims, redemption_id: 'x' }) }],
    ['for another action', { claims: (claims) => ({ ...claims, action_digest: `sha256:${'0'.repeat(64)}` }) }],
    ['under another id', { claims: (claims) => ({ ...claims, jti: 'x' }) }],
  ])('never runs with a receipt that is signed %s', async (_name, bent) => {
    const { outcome, run, deployment } = await attempt(bent)
    expect(outcome).toBeInstanceOf(ProofInvalid)
    expect(run).not.toHaveBeenCalled()
    expect(deployment.reports).toEqual([])
  })

  it('never runs when the keys cannot be read', async () => {
    const instead = (path: string) =>
      path === '/.well-known/jwks.json' ? ({ status: 503, code: 'unavailable', retryAfter: '0' } as const) : undefined
    const { outcome, run } = await attempt({ instead })
    expect(outcome).toBeInstanceOf(Unreachable)
    expect(run).not.toHaveBeenCalled()
  })

  it('never runs when the start is refused', async () => {
    const instead = (path: string) =>
      path === '/v1/executions' ? ({ status: 409, code: 'already_reported' } as const) : undefined
    const { outcome, run } = await attempt({ instead })
    expect(outcome).toMatchObject({ code: 'already_reported' })
    expect(run).not.toHaveBeenCalled()
  })

  it('reports a failure and passes the error on when the function throws', async () => {
    const { deployment, client } = await started()
    const broken = client.guard(action, async () => {
      throw new Error('disk full')
    })
    await expect(broken).rejects.toThrow('disk full')
    expect(deployment.reports.at(-1)).toMatchObject({ outcome: 'failed', code: 'threw' })
  })

  it('gives the value back when the result cannot be reported, and says so', async () => {
    const onUnreported = vi.fn()
    const instead = (path: string, times: number) =>
      path === '/v1/executions' && times > 1 ? ({ status: 403, code: 'not_redeemed' } as const) : undefined
    const { outcome } = await attempt({ instead }, { onUnreported })
    expect(outcome).toBe('done')
    expect(onUnreported).toHaveBeenCalledWith(expect.objectContaining({ code: 'not_redeemed' }))
  })
})

describe('a client that gets no answer', () => {
  it.each([/^\/v1\/intents$/, /grant$/, /redeem$/, /^\/v1\/intents\/[^/]+$/, /executions$/])(
    'asks %s again and has the effect once',
    async (broken) => {
      const instead = (path: string, times: number) => (broken.test(path) && times === 1 ? 'cut' : undefined)
      const { outcome, run, deployment } = await attempt({ instead })
      expect(outcome).toBe('done')
      expect(run).toHaveBeenCalledOnce()
      expect(deployment.published()).toBe(1)
    },
  )

  it('waits as long as a busy service asks', async () => {
    const instead = (path: string, times: number) =>
      path === '/v1/intents' && times < 3
        ? ({ status: 429, code: 'too_many_requests', retryAfter: '0' } as const)
        : undefined
    const { outcome } = await attempt({ instead })
    expect(outcome).toBe('done')
  })

  it('never sends its token after a redirect', async () => {
    const { deployment, client } = await started({ instead: () => ({ status: 307, code: 'moved' }) })
    await expect(client.read('x')).rejects.toThrow()
    expect(deployment.requests).toEqual(['GET /v1/intents/x'])
  })
})

describe('redeeming', () => {
  const granted = async () => {
    const made = await started()
    const { grant } = await made.client.obtain(action)
    return { ...made, grant }
  }

  it('names the field that is not as approved', async () => {
    const { client, grant } = await granted()
    const swapped = client.redeem(grant, { ...action, parameters: { bucket: 's3://elsewhere' } })
    await expect(swapped).rejects.toMatchObject({ code: 'parameters_mismatch', pointer: '/parameters/bucket' })
  })

  it('presents what was observed, which may lie below an approved bound, over the digest of what was approved', async () => {
    const { client } = await started()
    const bounded = { ...action, preconditions: { rows: '<=1300' } }
    const { grant } = await client.obtain(bounded)
    const above = client.redeem(grant, bounded, { observed: { rows: '1301' } })
    await expect(above).rejects.toMatchObject({ code: 'stale', pointer: '/preconditions/rows' })
    await expect(client.redeem(grant, bounded, { observed: { rows: '1203' } })).resolves.toBeDefined()
  })

  it('works once, and again only as the same redemption', async () => {
    const { client, grant } = await granted()
    const redemptionId = '0199f1f0-0000-7000-8000-000000000001'
    await client.redeem(grant, action, { redemptionId })
    await expect(client.redeem(grant, action, { redemptionId })).resolves.toMatchObject({ redemptionId })
    await expect(client.redeem(grant, action)).rejects.toMatchObject({ code: 'already_redeemed' })
  })
})
