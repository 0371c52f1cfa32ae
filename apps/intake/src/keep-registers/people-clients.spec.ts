import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'

const elsewhere = 'https://idp.elsewhere.example'

/** Olga and Rita sign in through `countersign-cli`, and others of the deployment through `console`. */
let at: IntakeOverHttp
beforeAll(async () => {
  at = await intakeOverHttp({ PEOPLE_CLIENTS: `console,web@${elsewhere}` })
})
afterAll(() => at.close())

const owned = () => ({ owner: { person: at.bystander }, reason: 'a new job' })
const agent = async (name: string, more: object = {}) =>
  (
    await at.call({
      as: 'olga',
      path: '/v1/agents/register',
      body: { name, kind: 'agent', producer: 'etl', ...owned(), ...more },
    })
  ).code
const producer = async (name: string, more: object) =>
  (
    await at.call({
      as: 'olga',
      path: '/v1/producers/register',
      body: { name, issuer: at.issuer, ...owned(), ...more },
    })
  ).code

describe('a client through which people sign in', () => {
  it.each<[string, object]>([
    ['that of the operator who registers', { clientId: 'countersign-cli' }],
    ['one that the deployment names', { clientId: 'console' }],
    ['one that it names at another issuer', { clientId: 'web', issuer: elsewhere }],
  ])('is no program’s own: %s', async (_whose, client) => {
    expect(await agent('lure', client)).toBe('client_of_people')
    expect(await agent('lure', { ...client, kind: 'pipeline' })).toBe('client_of_people')
    expect((await at.call({ as: 'olga', method: 'GET', path: '/v1/agents' })).code).toBe('ok')
    expect(
      (await at.call({ as: 'rita', path: '/v1/agents/review', body: { name: 'x', upTo: 1, reason: 'x' } })).code,
    ).toBe('not_found')
  })

  it('is a producer’s as long as only people ask there', async () => {
    expect(await producer('desk', { clientId: 'console' })).toBe('ok')
    expect(await agent('paul', { kind: 'person', producer: 'desk' })).toBe('ok')
    expect(await agent('desk-bot', { producer: 'desk' })).toBe('client_of_people')
    expect(await agent('desk-bot', { producer: 'desk', clientId: 'desk-bot' })).toBe('client_of_people')
    expect(await producer('loads', { clientId: 'loads' })).toBe('ok')
    expect(await agent('load-bot', { producer: 'loads' })).toBe('ok')
    expect(await producer('loads', { clientId: 'countersign-cli' })).toBe('client_of_people')
    const remove = { name: 'load-bot', reason: 'over' }
    expect((await at.call({ as: 'olga', path: '/v1/agents/remove', body: remove })).code).toBe('ok')
    expect(await producer('loads', { clientId: 'countersign-cli' })).toBe('ok')
  })

  it('of the same name at another issuer is another client', async () => {
    expect(await agent('web-bot', { clientId: 'web' })).toBe('ok')
    expect(await agent('console-bot', { clientId: 'console', issuer: elsewhere })).toBe('ok')
  })

  it('that was tried is on record', async () => {
    expect(await at.attempts('CommandRefused')).toContainEqual(
      expect.objectContaining({ command: 'change_register', code: 'client_of_people' }),
    )
  })
})
