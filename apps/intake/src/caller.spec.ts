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
    expect(await callerOf(bench.pool, delegated)).toMatchObject({ code: 'not_human' })
    // The attempt still counts for somebody.
    expect(await accountableCaller(bench.pool, delegated)).toMatchObject({ subjectId })
  })
})
