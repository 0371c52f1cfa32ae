import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { registerStream } from '@countersign/event-store'
import { ConfigError } from '@countersign/service-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'
import { type OAuthClient, PeopleClients } from './people-clients.ts'

const elsewhere = 'https://idp.elsewhere.example'

/** Olga and Rita sign in through `countersign-cli`, and others of the deployment through `console`. */
let at: IntakeOverHttp
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-spec-'))
  const file = join(folder, 'issuers.json')
  const listed = { issuer: elsewhere, audience: 'countersign', speaksFor: 'people', pages: { clientId: 'portal' } }
  await writeFile(file, JSON.stringify({ issuers: [listed] }))
  const named = `console,desks-batch,desks-flow,stranger,web@${elsewhere}`
  at = await intakeOverHttp({ PEOPLE_CLIENTS: named, OIDC_ISSUERS_FILE: file })
})
afterAll(async () => {
  await at.close()
  await rm(folder, { recursive: true })
})

const owned = () => ({ owner: { person: at.bystander }, reason: 'a new job' })
const agent = async (name: string, more: object = {}) =>
  (
    await at.call({
      as: 'olga',
      path: '/v1/agents/register',
      body: { name, kind: 'agent', producer: 'etl', ...owned(), ...more },
    })
  ).code
const isProgramsClient = async (clientId: string) => {
  const { rows } = await at.superuser.query<{ held: boolean }>(
    'select countersign.is_programs_client($1, $2, null) as held',
    [at.issuer, clientId],
  )
  return rows[0]?.held
}
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
    ['that of the pages at another issuer', { clientId: 'portal', issuer: elsewhere }],
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

  it('is no program’s by the word of whoever holds its secret either', async () => {
    expect(await producer('front', { clientId: 'stranger' })).toBe('ok')
    const own = (kind: string) => at.call({ as: 'stranger', path: '/v1/agents', body: { name: `front-${kind}`, kind } })
    expect(await own('agent')).toMatchObject({ status: 403, code: 'client_of_people' })
    expect(await own('person')).toMatchObject({ code: 'ok' })
    expect(await isProgramsClient('stranger')).toBe(false)
  })

  it('is named with its issuer where the service has none of its own', () => {
    expect(() => new PeopleClients({ named: ['console'], ownIssuer: undefined, readPages: () => [] })).toThrow(
      ConfigError,
    )
  })
})

describe('the clients of people that a deployment names', () => {
  const own = 'https://idp.example'
  const clients = (named: string[], readPages: () => OAuthClient[] = () => []) =>
    new PeopleClients({ named, ownIssuer: own, readPages })

  it.each([
    ['desk@corp.example', { issuer: own, clientId: 'desk@corp.example' }],
    [`desk@corp.example@${elsewhere}`, { issuer: elsewhere, clientId: 'desk@corp.example' }],
    [`desk@${elsewhere}`, { issuer: elsewhere, clientId: 'desk' }],
  ])('may have an @ in their id: %s', (named, client) => {
    expect(clients([named]).has(client)).toBe(true)
    expect(clients([named]).has({ ...client, issuer: `${client.issuer}/other` })).toBe(false)
  })

  it('are those of the pages at other issuers too, as their file names them, or did while it could be used', () => {
    const [before, after] = [
      { issuer: elsewhere, clientId: 'pages' },
      { issuer: elsewhere, clientId: 'new-pages' },
    ]
    let read = (): OAuthClient[] => [before]
    const named = clients([], () => read())
    expect(named.has(before)).toBe(true)
    read = () => [after]
    expect([named.has(before), named.has(after)]).toEqual([false, true])
    read = () => {
      throw new ConfigError(['no JSON'])
    }
    expect([named.has(before), named.has(after)]).toEqual([false, true])
  })
})

/** Asks, and comes back once that was answered or so many transactions wait for a lock. */
const asked = async (ask: Promise<string>, waiting: number): Promise<{ answer: Promise<string> }> => {
  let isAnswered = false
  void ask.then(() => (isAnswered = true))
  const waits = `select from pg_stat_activity where datname = current_database() and usename = 'countersign_intake'
    and wait_event_type = 'Lock'`
  while (!isAnswered && ((await at.superuser.query(waits)).rowCount ?? 0) < waiting) await delay(5)
  return { answer: ask }
}

describe('a producer that gets the client of people while a program is registered there', () => {
  it.each([
    ['before the program is written', 'batch', `select countersign.lock_streams(array['register'], array[$1::uuid])`],
    [
      'after it was seen that there are none',
      'flow',
      'select from countersign.producer where name = $1 for no key update',
    ],
  ])('is refused, or the program is: %s', async (_when, name, held) => {
    const bot = `${name}-bot`
    const isStream = held.includes('lock_streams')
    expect(await producer(name, { clientId: name })).toBe('ok')
    const gate = await at.superuser.connect()
    await gate.query('begin')
    await gate.query(held, [isStream ? registerStream(at.tenantId, 'agent', bot).streamId : name])
    const program = () => agent(bot, { producer: name })
    const people = () => producer(name, { clientId: `desks-${name}` })
    const first = await asked(isStream ? program() : people(), 1)
    const second = await asked(isStream ? people() : program(), 2)
    await gate.query('commit')
    gate.release()
    expect([await first.answer, await second.answer].toSorted()).toEqual(['client_of_people', 'ok'])
    expect(await isProgramsClient(`desks-${name}`)).toBe(false)
  })
})
