import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'

let at: IntakeOverHttp
beforeAll(async () => {
  at = await intakeOverHttp()
})
afterAll(() => at.close())

const register = async (body: object) => {
  const { code } = await at.call({
    as: 'olga',
    path: '/v1/agents/register',
    body: { owner: { person: at.bystander }, reason: 'nightly loads', ...body },
  })
  expect(code).toBe('ok')
}
const remove = async (name: string) => {
  const body = { name, reason: 'retired' }
  expect((await at.call({ as: 'olga', path: '/v1/agents/remove', body })).code).toBe('ok')
}
const publish = async (as: string, agent: string) => {
  const body = at.body({ agent: { name: agent, model: { name: 'm-4' } } })
  const { code, answer } = await at.call({ as, path: '/v1/intents', body, key: `${as}-${agent}` })
  expect(code).toBe('ok')
  return (answer as { intentId: string }).intentId
}
const read = async (as: string, intentId: string, query = '') =>
  (await at.call({ as, method: 'GET', path: `/v1/intents/${intentId}${query}` })).code

describe('the client of an agent that was removed', () => {
  it('reads, withdraws, collects and reports nothing more, and registers nobody', async () => {
    await register({ name: 'gone-bot', kind: 'agent', producer: 'etl', clientId: 'stranger' })
    const intentId = await publish('stranger', 'gone-bot')
    expect(await read('stranger', intentId)).toBe('ok')
    await remove('gone-bot')
    expect(await read('stranger', intentId)).toBe('unknown_producer')
    expect(await read('stranger', intentId, '?waitMs=100')).toBe('unknown_producer')
    for (const act of ['withdraw', 'grant'])
      expect((await at.call({ as: 'stranger', path: `/v1/intents/${intentId}/${act}` })).code).toBe('unknown_producer')
    const own = { as: 'stranger', path: '/v1/agents', body: { name: 'next-bot', kind: 'agent' } }
    expect((await at.call(own)).code).toBe('unknown_producer')
    const report = { grantId: intentId, executionId: intentId, outcome: 'succeeded' }
    expect((await at.call({ as: 'stranger', path: '/v1/executions', body: report })).code).toBe('unknown_producer')
    expect(await read('etl', intentId)).toBe('ok')
  })
})
