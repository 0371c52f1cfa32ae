import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Name, type NotifierWorld, startWorld, until } from '../notifier-world.fixture.ts'

/** The client through which the people of this spec sign in; what another tenant of the same issuer says of it decides. */
const client = 'countersign-cli'
let at: NotifierWorld
let elsewhere = ''
beforeAll(async () => {
  at = await startWorld()
  elsewhere = await at.spec.addTenant('elsewhere')
})
afterAll(() => at.stop())
afterEach(() => at.spec.superuser.query('delete from countersign.agent; delete from countersign.producer'))

const registered = async (of: 'an agent' | 'a producer', kind: string) => {
  const { superuser } = at.spec
  await superuser.query(
    `insert into countersign.producer (tenant_id, name, iss, client_id, seeded) values ($1, 'theirs', $2, $3, true)`,
    [elsewhere, at.idp.issuer, of === 'a producer' ? client : null],
  )
  await superuser.query(
    `insert into countersign.agent (tenant_id, name, subject_id, kind, producer, iss, client_id, seeded)
     values ($1, 'their-bot', gen_random_uuid(), $2, 'theirs', $3, $4, true)`,
    [elsewhere, kind, at.idp.issuer, of === 'an agent' ? client : null],
  )
}
const ask = async (name: Name, path: string, body?: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${await at.token(name)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as Record<string, unknown>
}
const approves = async (name: Name) => {
  const asking = await at.ask()
  await at.carry(asking)
  const path = `/v1/reviews/${asking.reviewId}`
  const presentationDigest = await until(async () => (await ask(name, path))['presentationDigest'])
  return { asking, answer: await ask(name, `${path}/verdicts`, { verdict: 'approve', presentationDigest }) }
}
const unlinks = () => ask('olga', `/v1/accounts/01a206af-3e45-7055-8f47-f71248a5432f/unlink`, { reason: 'trial' })
const operates = () => ask('olga', '/v1/directory/groups', { group: 'night-desk', add: [], reason: 'trial' })

describe('a token of a person that was given to the client of', () => {
  it.each(['an agent', 'a producer'] as const)(
    '%s of another tenant gives no verdict here, which is recorded, and operates nothing',
    async (of) => {
      await registered(of, 'agent')
      const { asking, answer } = await approves('ben')
      expect(answer).toMatchObject({ status: 403, code: 'not_human' })
      expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([{ code: 'not_human' }])
      expect(await operates()).toMatchObject({ status: 403, code: 'not_human' })
      expect(await unlinks()).toMatchObject({ status: 403, code: 'not_human' })
    },
  )

  it.each(['an agent', 'a producer'] as const)('%s by which people ask for themselves is theirs', async (of) => {
    await registered(of, 'person')
    expect((await approves('ben')).answer).toMatchObject({ state: 'approved' })
    expect(await operates()).toMatchObject({ group: 'night-desk' })
  })
})
