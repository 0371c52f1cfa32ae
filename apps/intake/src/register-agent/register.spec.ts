import { agentsByName, withTenants } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeBench, type IntakeBench } from '../intake.fixture.ts'

let at: IntakeBench
beforeAll(async () => {
  at = await intakeBench()
})
afterAll(() => at.close())

const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const entryOf = async (name: string) => {
  const { tenantId } = at
  const [entry] = await withTenants(at.pool, [tenantId], (tx) => agentsByName(tx, [{ tenantId, name }]))
  return entry
}
const registrationsOf = async (agent: string) => {
  const { rows } = await at.superuser.query<{ data: Record<string, unknown> }>(
    `select data from countersign.event where type = $1 and data->>'agent' = $2 order by position`,
    ['dev.countersign.AgentRegistered.v1', agent],
  )
  return rows.map(({ data }) => data)
}

describe('the register of agents', () => {
  it('keeps the thumbprint of the key that an executor proves to hold, and why it was changed', async () => {
    const { tenantId, issuer } = at
    const owner = { ownerSubject: null, ownerGroup: null, changedBy: at.newId(), seeded: false }
    const agent = {
      tenantId,
      agent: 'bound-bot',
      kind: 'agent',
      producer: 'etl',
      issuer,
      clientId: null,
      ...owner,
    } as const
    const { subjectId } = await at.registers.agent(agent)
    expect(await entryOf('bound-bot')).toMatchObject({ subjectId, executorKeyThumbprint: null })
    await at.registers.agent({ ...agent, executorKey: { thumbprint }, reason: 'it runs on a host with a TPM now' })
    expect(await entryOf('bound-bot')).toMatchObject({ subjectId, executorKeyThumbprint: thumbprint, reviewedBy: null })
    expect((await registrationsOf('bound-bot')).map(({ executorKey, reason }) => [executorKey, reason])).toEqual([
      [undefined, undefined],
      [{ thumbprint }, 'it runs on a host with a TPM now'],
    ])
    await at.registers.agent(agent)
    expect(await entryOf('bound-bot')).toMatchObject({ executorKeyThumbprint: null })
  })
})
