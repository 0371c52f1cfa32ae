import type { Identity } from '@countersign/identity'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountableCaller, callerOf, clientCaller, personCaller } from './caller.ts'
import { intakeBench, type IntakeBench } from './intake.fixture.ts'

let bench: IntakeBench
beforeAll(async () => {
  bench = await intakeBench()
})
afterAll(() => bench.close())

const client = (clientId: string): Identity => ({
  issuer: bench.issuer,
  subject: clientId,
  clientId,
  kind: 'client',
  actorChain: [],
})
const nobody = { ownerSubject: null, ownerGroup: null, changedBy: null, seeded: true }

describe('a client', () => {
  it('that two tenants register speaks for neither', async () => {
    const elsewhere = { tenantId: await bench.addTenant('elsewhere'), issuer: bench.issuer, clientId: 'shared' }
    await bench.registers.producer({ ...elsewhere, producer: 'theirs', ...nobody })
    expect(await clientCaller(bench.pool, client('shared'))).toMatchObject({ producer: 'theirs' })
    const ours = { ...elsewhere, tenantId: bench.tenantId, ...nobody }
    await bench.registers.agent({ ...ours, agent: 'ours', kind: 'agent', producer: 'etl' })
    expect(await clientCaller(bench.pool, client('shared'))).toMatchObject({ code: 'unknown_producer' })
  })

  it('of one producer that another registers as an agent’s speaks for neither', async () => {
    const of = { tenantId: bench.tenantId, issuer: bench.issuer, clientId: 'both', ...nobody }
    await bench.registers.producer({ ...of, producer: 'first' })
    await bench.registers.agent({ ...of, agent: 'lure', kind: 'agent', producer: 'etl' })
    expect(await clientCaller(bench.pool, client('both'))).toMatchObject({ code: 'unknown_producer' })
  })

  it('of a producer that is also one agent’s own speaks for that agent only', async () => {
    const of = { tenantId: bench.tenantId, issuer: bench.issuer, clientId: 'narrow', ...nobody }
    await bench.registers.producer({ ...of, producer: 'narrow' })
    await bench.registers.agent({ ...of, agent: 'narrow-bot', kind: 'agent', producer: 'narrow' })
    expect(await clientCaller(bench.pool, client('narrow'))).toMatchObject({ producer: 'narrow', agent: 'narrow-bot' })
  })

  it('of an agent that was removed speaks for nobody, not for its producer either, though its row still names it', async () => {
    const of = { tenantId: bench.tenantId, issuer: bench.issuer, clientId: 'kept', ...nobody }
    await bench.registers.producer({ ...of, producer: 'kept' })
    await bench.registers.agent({ ...of, agent: 'kept-bot', kind: 'agent', producer: 'kept' })
    await bench.superuser.query(`update countersign.agent set removed_at = clock_timestamp() where name = 'kept-bot'`)
    expect(await clientCaller(bench.pool, client('kept'))).toMatchObject({ code: 'unknown_producer' })
  })
})

describe('a client that acts for a person', () => {
  const delegated = (actors: readonly string[]): Identity => ({
    ...client('etl-bot'),
    subject: 'alice',
    kind: 'person',
    actorChain: actors.map((subject) => ({ issuer: bench.issuer, subject })),
  })

  it('is the client, with whom it acts for and through whom', async () => {
    expect(await clientCaller(bench.pool, delegated(['etl-bot', 'planner']))).toMatchObject({
      clientId: 'etl-bot',
      producer: 'etl',
      actsFor: { issuer: bench.issuer, subject: 'alice' },
      chain: [{ subject: 'etl-bot' }, { subject: 'planner' }],
    })
  })
})

describe('a person who asks for themselves', () => {
  const asking = (subject: string, clientId = 'etl'): Identity => ({ ...client(clientId), subject, kind: 'person' })

  it('is an agent of kind person that they own, at a client of a producer of their tenant', async () => {
    const { tenantId, issuer } = bench
    const owner = await bench.addPerson('pia')
    const registration = { tenantId, producer: 'etl', issuer, clientId: null, changedBy: null, seeded: true } as const
    await bench.registers.agent({
      ...registration,
      agent: 'pia',
      kind: 'person',
      ownerSubject: owner,
      ownerGroup: null,
    })
    expect(await clientCaller(bench.pool, asking('pia'))).toMatchObject({
      agent: 'pia',
      producer: 'etl',
      isPerson: true,
    })
    expect(await clientCaller(bench.pool, asking('pia', 'console'))).toMatchObject({ code: 'unknown_producer' })
  })

  it('is not the agent that was removed, and the one that took its place', async () => {
    const { tenantId, issuer } = bench
    const owner = await bench.addPerson('rosa')
    const of = { tenantId, producer: 'etl', issuer, clientId: null, changedBy: null, seeded: true } as const
    const owned = { ...of, kind: 'person', ownerSubject: owner, ownerGroup: null } as const
    await bench.registers.agent({ ...owned, agent: 'rosa' })
    await bench.superuser.query(`update countersign.agent set removed_at = clock_timestamp() where name = 'rosa'`)
    expect(await clientCaller(bench.pool, asking('rosa'))).toMatchObject({ code: 'unknown_producer' })
    await bench.registers.agent({ ...owned, agent: 'rosa-2' })
    expect(await clientCaller(bench.pool, asking('rosa'))).toMatchObject({ agent: 'rosa-2', isPerson: true })
  })

  it('is nobody without such an agent or outside of the directory', async () => {
    await bench.addPerson('quin')
    expect(await clientCaller(bench.pool, asking('quin'))).toMatchObject({ code: 'unknown_producer' })
    expect(await clientCaller(bench.pool, asking('nobody'))).toMatchObject({ code: 'person_inactive' })
  })

  it('goes the way of every agent: evaluated alike, approved by others, and only they may run it', async () => {
    const caller = await clientCaller(bench.pool, asking('pia'))
    if ('refused' in caller) throw new Error('pia may ask')
    const body = bench.body({ agent: { name: 'pia' } })
    const [answer] = await bench.publish.handle([{ caller, body, idempotencyKey: 'pia-1' }])
    if (answer === undefined || 'refused' in answer || answer instanceof Error) throw new Error('not published')
    const { intentId } = answer.view
    await bench.allow(intentId)
    const another = { ...caller, subject: 'quin' }
    expect(await bench.issue.handle(another, intentId)).toMatchObject({ code: 'wrong_executor' })
    expect(await bench.issue.handle(caller, intentId)).toMatchObject({ intentId })
    const [event] = await bench.history(intentId)
    if (event?.type !== 'ActionIntentPublished') throw new Error('no intent')
    expect(event.data).toMatchObject({ agent: { kind: 'person' }, owners: [event.data.requester] })
    expect(event.data.executor.subjectId).toBe(event.data.requester)
  })
})

describe('a person', () => {
  it('is not whoever acts for them with a delegated token', async () => {
    const subjectId = await bench.addPerson('olga', ['operators'])
    const herself: Identity = {
      issuer: bench.issuer,
      subject: 'olga',
      clientId: 'console',
      kind: 'person',
      actorChain: [],
    }
    const delegated = { ...herself, actorChain: [{ issuer: bench.issuer, subject: 'etl-bot' }] }
    expect(await personCaller(bench.pool, herself)).toMatchObject({ subjectId })
    expect(await personCaller(bench.pool, delegated)).toMatchObject({ code: 'not_human' })
    expect(await callerOf(bench.pool, delegated)).toMatchObject({ code: 'unknown_producer' })
    // The attempt still counts for somebody.
    expect(await accountableCaller(bench.pool, delegated)).toMatchObject({ subjectId })
  })
  it('is nobody whom two tenants have: neither says where they ask, or where they stop something', async () => {
    const subjectId = await bench.addPerson('tess', ['operators'])
    const tess: Identity = { ...client('console'), subject: 'tess', kind: 'person' }
    expect(await personCaller(bench.pool, tess)).toMatchObject({ tenantId: bench.tenantId, subjectId })
    const elsewhere = await bench.addTenant('another-employer')
    const row = `(tenant_id, subject_id`
    await bench.superuser.query(
      `with introduced as (
         insert into countersign.subject ${row}, iss, sub, salt)
         values ($1, gen_random_uuid(), $2, 'tess', sha256('s')) returning tenant_id, subject_id)
       insert into countersign.person ${row}, display_name) select tenant_id, subject_id, 'tess' from introduced`,
      [elsewhere, bench.issuer],
    )
    for (const who of [personCaller, callerOf, clientCaller])
      expect(await who(bench.pool, tess)).toMatchObject({ code: 'person_inactive' })
    expect(await accountableCaller(bench.pool, tess)).toBeUndefined()
    await bench.superuser.query('update countersign.person set active = false where tenant_id = $1', [elsewhere])
    expect(await personCaller(bench.pool, tess)).toMatchObject({ tenantId: bench.tenantId, subjectId })
  })

  it('is nobody whose token the program of another tenant was given, as one issuer serves both', async () => {
    const subjectId = await bench.addPerson('otto', ['operators'])
    const otto = (clientId: string): Identity => ({ ...client(clientId), subject: 'otto', kind: 'person' })
    const of = { tenantId: await bench.addTenant('next-door'), issuer: bench.issuer, ...nobody }
    await bench.registers.producer({ ...of, producer: 'next', clientId: 'next' })
    await bench.registers.agent({ ...of, agent: 'next-bot', kind: 'agent', producer: 'next', clientId: 'next-bot' })
    for (const clientId of ['next', 'next-bot'])
      expect(await personCaller(bench.pool, otto(clientId))).toMatchObject({ code: 'not_human' })
    expect(await personCaller(bench.pool, otto('console'))).toMatchObject({ subjectId })
  })
})
