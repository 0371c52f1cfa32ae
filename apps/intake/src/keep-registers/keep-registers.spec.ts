import { readStanding, withTenants } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'

let at: IntakeOverHttp
beforeAll(async () => {
  at = await intakeOverHttp()
  await at.superuser.query(
    `insert into countersign.directory_group (tenant_id, name, seeded) values ($1, 'data-owners', true)`,
    [at.tenantId],
  )
})
afterAll(() => at.close())

const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const agent = (name: string, change: object = {}) => ({
  name,
  kind: 'agent',
  producer: 'etl',
  owner: { group: 'data-owners' },
  reason: 'nightly loads',
  ...change,
})
const register = (name: string, change: object = {}, as = 'olga') =>
  at.call({ as, path: '/v1/agents/register', body: agent(name, change) })
type Entry = Record<string, unknown> & { name: string; openChanges: { changeId: number; reason?: string }[] }
const listed = async (path: string, as = 'audra') => {
  const { answer } = await at.call({ as, method: 'GET', path })
  return answer as { agents: Entry[]; producers: Entry[]; next?: string }
}
const agentNamed = async (name: string) => (await listed(`/v1/agents?removed=true&name=${name}`)).agents[0]
const eventsOf = async (type: string, member: string, name: string) => {
  const { rows } = await at.superuser.query<{ data: Record<string, unknown> }>(
    `select data from countersign.event where type = $1 and data->>$2 = $3 order by position`,
    [`dev.countersign.${type}.v1`, member, name],
  )
  return rows.map(({ data }) => data)
}
const unreviewedAuthors = async (name: string, producer = 'etl') => {
  const question = {
    tenantId: at.tenantId,
    agent: name,
    producer,
    groups: [],
    people: [],
    parentAgents: [],
    askedAt: null,
  }
  const [standing] = await withTenants(at.pool, [at.tenantId], (tx) => readStanding(tx, [question]))
  return standing?.unreviewedAuthors
}

describe('the register of agents', () => {
  it('takes an agent with its owner and the key of its executor, and records who registered it and why', async () => {
    expect(await register('load-bot', { executorKey: { thumbprint } })).toMatchObject({
      code: 'ok',
      answer: { name: 'load-bot', changed: true },
    })
    expect(await agentNamed('load-bot')).toMatchObject({
      owner: { group: 'data-owners' },
      producer: 'etl',
      issuer: at.issuer,
      clientId: null,
      executorKey: { thumbprint },
      changedBy: at.operator,
      openChanges: [{ changedBy: at.operator, reason: 'nightly loads' }],
    })
    expect(await eventsOf('AgentRegistered', 'agent', 'load-bot')).toMatchObject([
      { changedBy: at.operator, reason: 'nightly loads', executorKey: { thumbprint }, seeded: false },
    ])
  })

  it('changes nothing for the same content, whoever says it and why', async () => {
    await register('same-bot')
    expect((await register('same-bot', { reason: 'again' })).answer).toMatchObject({ changed: false })
    expect(await eventsOf('AgentRegistered', 'agent', 'same-bot')).toHaveLength(1)
  })

  it('leaves the key as it is when nothing is said of it, and takes it away when that is said', async () => {
    await register('key-bot', { executorKey: { thumbprint } })
    await register('key-bot', { owner: { person: at.bystander } })
    expect(await agentNamed('key-bot')).toMatchObject({ executorKey: { thumbprint }, owner: { person: at.bystander } })
    await register('key-bot', { owner: { person: at.bystander }, executorKey: null })
    expect(await agentNamed('key-bot')).not.toHaveProperty('executorKey')
  })

  it.each([
    ['an owner that nobody knows', { owner: { person: '00000000-0000-7000-8000-000000000009' } }, 'unknown_owner'],
    ['a group that nobody knows', { owner: { group: 'no-such-group' } }, 'unknown_owner'],
    ['a producer that nobody knows', { producer: 'no-such-producer' }, 'unknown_producer'],
    ['a client that speaks for another producer', { clientId: 'rival' }, 'client_taken'],
    ['a client that speaks for another agent', { clientId: 'etl-bot' }, 'client_taken'],
    ['no reason', { reason: undefined }, 'invalid_request'],
    ['a reason that holds a secret', { reason: `AKIA${'ABCDEFGHIJ234567'}` }, 'secret_in_field'],
    ['a private key', { executorKey: { kty: 'OKP', d: 'x' } }, 'invalid_request'],
  ])('takes no agent with %s', async (_what, change, code) => {
    expect((await register('refused-bot', change)).code).toBe(code)
    expect(await agentNamed('refused-bot')).toBeUndefined()
  })

  it.each(['paul', 'rita', 'audra'])('is changed by operators, not by %s; the attempt is recorded', async (name) => {
    const producer = { name: 'x', issuer: at.issuer, clientId: 'x', owner: { group: 'data-owners' }, reason: 'x' }
    expect((await at.call({ as: name, path: '/v1/producers/register', body: producer })).code).toBe('not_allowed')
    expect((await register('not-theirs', {}, name)).code).toBe('not_allowed')
    const remove = { name: 'etl-bot', reason: 'no' }
    expect((await at.call({ as: name, path: '/v1/agents/remove', body: remove })).code).toBe('not_allowed')
    expect(await at.attempts('CommandRefused')).toContainEqual(
      expect.objectContaining({ command: 'remove_from_register', code: 'not_allowed' }),
    )
  })

  it('is read by operators, security admins and auditors, page by page; by nobody else', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) await register(name)
    const seen: string[] = []
    for (let after: string | undefined = 'page', first = true; first || after !== undefined; first = false) {
      const page: { agents: Entry[]; next?: string } = await listed(`/v1/agents?limit=2&after=${after}`, 'rita')
      seen.push(...page.agents.map(({ name }) => name))
      after = page.next
    }
    expect(seen.filter((name) => name.startsWith('page-'))).toEqual(['page-1', 'page-2', 'page-3'])
    expect(new Set(seen).size).toBe(seen.length)
    expect((await at.call({ as: 'olga', method: 'GET', path: '/v1/agents' })).code).toBe('ok')
    expect((await at.call({ as: 'paul', method: 'GET', path: '/v1/agents' })).code).toBe('not_allowed')
    expect((await at.call({ as: 'etl', method: 'GET', path: '/v1/producers' })).code).toBe('not_human')
  })

  it('never shows or takes an entry of another tenant', async () => {
    const tenantId = await at.addTenant('elsewhere')
    const theirs = { tenantId, ownerSubject: null, ownerGroup: null, changedBy: null, seeded: true, issuer: at.issuer }
    await at.registers.producer({ ...theirs, producer: 'theirs', clientId: 'theirs' })
    await at.registers.agent({ ...theirs, agent: 'their-bot', kind: 'agent', producer: 'theirs', clientId: null })
    expect(await agentNamed('their-bot')).toBeUndefined()
    expect((await register('spy', { producer: 'theirs' })).code).toBe('unknown_producer')
    expect((await register('spy', { clientId: 'theirs' })).code).toBe('client_taken')
    const remove = { name: 'their-bot', reason: 'not mine' }
    expect((await at.call({ as: 'olga', path: '/v1/agents/remove', body: remove })).code).toBe('not_found')
  })
})

describe('an agent that was removed', () => {
  it('publishes nothing more, and collects nothing that it was allowed before', async () => {
    await register('gone-bot', { clientId: 'stranger' })
    const body = at.body({ agent: { name: 'gone-bot', model: { name: 'm-4' } } })
    const asked = await at.call({ as: 'etl', path: '/v1/intents', body, key: 'gone-1' })
    expect(asked.code).toBe('ok')
    const { intentId } = asked.answer as { intentId: string }
    const removed = await at.call({
      as: 'olga',
      path: '/v1/agents/remove',
      body: { name: 'gone-bot', reason: 'retired' },
    })
    expect(removed.answer).toMatchObject({ name: 'gone-bot', changed: true })
    expect((await at.call({ as: 'etl', path: '/v1/intents', body, key: 'gone-2' })).code).toBe('agent_not_yours')
    expect((await at.call({ as: 'stranger', path: '/v1/intents', body, key: 'gone-3' })).code).toBe('unknown_producer')
    await at.allow(intentId)
    expect((await at.call({ as: 'etl', path: `/v1/intents/${intentId}/grant` })).code).toBe('frozen')
    expect(await eventsOf('AgentRemoved', 'agent', 'gone-bot')).toMatchObject([
      { changedBy: at.operator, reason: 'retired' },
    ])
    expect((await listed('/v1/agents?name=gone-bot')).agents).toEqual([])
  })

  it('comes back under the same subject id when an operator registers it, and not by its producer', async () => {
    await register('back-bot')
    const before = await agentNamed('back-bot')
    const remove = { as: 'olga', path: '/v1/agents/remove', body: { name: 'back-bot', reason: 'paused' } }
    await at.call(remove)
    expect((await at.call(remove)).answer).toMatchObject({ changed: false })
    const own = { as: 'etl', path: '/v1/agents', body: { name: 'back-bot', kind: 'agent' } }
    expect((await at.call(own)).code).toBe('agent_taken')
    await register('back-bot')
    const after = await agentNamed('back-bot')
    expect(after).toMatchObject({ subjectId: before?.['subjectId'] })
    expect(after).not.toHaveProperty('removedAt')
  })
})

describe('the register of producers', () => {
  it('ends what a producer and its agents may do when it is removed', async () => {
    const body = {
      name: 'short',
      issuer: at.issuer,
      clientId: 'stranger',
      owner: { group: 'data-owners' },
      reason: 'x',
    }
    expect((await at.call({ as: 'olga', path: '/v1/producers/register', body })).code).toBe('ok')
    const own = { as: 'stranger', path: '/v1/agents', body: { name: 'short-bot', kind: 'agent' } }
    expect((await at.call(own)).code).toBe('ok')
    expect((await listed('/v1/producers?name=short')).producers).toMatchObject([{ clientId: 'stranger' }])
    const remove = { name: 'short', reason: 'switched off' }
    expect((await at.call({ as: 'olga', path: '/v1/producers/remove', body: remove })).code).toBe('ok')
    expect((await at.call(own)).code).toBe('unknown_producer')
    expect(await eventsOf('ProducerRemoved', 'producer', 'short')).toMatchObject([{ reason: 'switched off' }])
  })

  it('ends what an agent with a client of its own may do, too', async () => {
    const { issuer } = at
    const body = { name: 'brief', issuer, clientId: 'brief', owner: { group: 'data-owners' }, reason: 'x' }
    await at.call({ as: 'olga', path: '/v1/producers/register', body })
    expect((await register('brief-bot', { producer: 'brief', clientId: 'stranger' })).code).toBe('ok')
    const intent = { as: 'stranger', path: '/v1/intents', body: at.body({ agent: { name: 'brief-bot' } }) }
    expect((await at.call({ ...intent, key: 'brief-1' })).code).toBe('ok')
    await at.call({ as: 'olga', path: '/v1/producers/remove', body: { name: 'brief', reason: 'switched off' } })
    expect((await at.call({ ...intent, key: 'brief-2' })).code).toBe('unknown_producer')
  })
})

describe('a change of a register', () => {
  const review = (name: string, upTo: number, as = 'rita') =>
    at.call({ as, path: '/v1/agents/review', body: { name, upTo, reason: 'checked with the team' } })

  it('is open until another person has reviewed it; nobody reviews their own', async () => {
    await register('open-bot')
    const [change] = (await agentNamed('open-bot'))?.openChanges ?? []
    const upTo = change?.changeId ?? 0
    expect(await unreviewedAuthors('open-bot')).toContain(at.operator)
    expect((await review('open-bot', upTo, 'olga')).code).toBe('own_change')
    expect((await review('open-bot', upTo, 'audra')).code).toBe('not_allowed')
    expect((await review('open-bot', upTo)).answer).toMatchObject({ reviewed: [upTo], left: [] })
    expect((await review('open-bot', upTo)).answer).toMatchObject({ reviewed: [], left: [] })
    expect((await agentNamed('open-bot'))?.openChanges).toEqual([])
    expect(await eventsOf('RegisterReviewed', 'entry', 'open-bot')).toMatchObject([
      { register: 'agent', changes: [upTo], by: at.admin, reason: 'checked with the team' },
    ])
  })

  it('keeps its author out for seven days after it, and no longer once it was reviewed', async () => {
    await register('aged-bot')
    const upTo = (await agentNamed('aged-bot'))?.openChanges[0]?.changeId ?? 0
    const age = () =>
      at.superuser.query(
        `update countersign.register_change set changed_at = changed_at - interval '8 days' where name = 'aged-bot'`,
      )
    await age()
    expect(await unreviewedAuthors('aged-bot', 'rival')).toEqual([at.operator])
    await review('aged-bot', upTo)
    expect(await unreviewedAuthors('aged-bot', 'rival')).toEqual([])
  })

  it('is not reviewed by an account that several people share', async () => {
    await register('shared-bot')
    const upTo = (await agentNamed('shared-bot'))?.openChanges[0]?.changeId ?? 0
    const kindOfRita = (kind: string) =>
      at.superuser.query('update countersign.person set kind = $1 where subject_id = $2', [kind, at.admin])
    await kindOfRita('shared')
    expect((await review('shared-bot', upTo)).code).toBe('not_human')
    await kindOfRita('human')
    expect((await review('shared-bot', upTo)).code).toBe('ok')
  })

  it('stays open when it came after the last one that the reviewer saw', async () => {
    await register('late-bot')
    const upTo = (await agentNamed('late-bot'))?.openChanges[0]?.changeId ?? 0
    await register('late-bot', { executorKey: { thumbprint } })
    expect((await review('late-bot', upTo)).answer).toMatchObject({ reviewed: [upTo] })
    expect((await agentNamed('late-bot'))?.openChanges).toHaveLength(1)
  })

  it('is reviewed by the service that keeps the register, as the database says', async () => {
    await register('guarded-bot')
    const notifier = at.poolOf('notifier')
    const touched = await withTenants(notifier, [at.tenantId], (tx) =>
      tx.query(`update countersign.register_change set reviewed_by = $1 where name = 'guarded-bot'`, [at.admin]),
    )
    expect(touched.rowCount).toBe(0)
    await expect(
      at.superuser.query(`update countersign.register_change set reviewed_by = changed_by where name = 'guarded-bot'`),
    ).rejects.toThrow(/check constraint/)
  })

  it('of an entry that nobody ever changed has nothing to review', async () => {
    expect((await review('etl-bot', 1)).code).toBe('not_found')
    expect((await review('no-such-bot', 1)).code).toBe('not_found')
  })
})
