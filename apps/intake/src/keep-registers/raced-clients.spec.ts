import { isRefusal } from '@countersign/contracts'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'
import { ChangeEntry, type Changer } from './change-entry.ts'
import { PeopleClients } from './people-clients.ts'

let at: IntakeOverHttp
let elsewhere: string
beforeAll(async () => {
  at = await intakeOverHttp()
  elsewhere = await at.addTenant('elsewhere')
  for (const tenantId of [at.tenantId, elsewhere])
    await at.superuser.query(
      `insert into countersign.directory_group (tenant_id, name, seeded) values ($1, 'data-owners', true)`,
      [tenantId],
    )
})
afterAll(() => at.close())

const named = (name: string) => ({ name, clientId: 'wanted-by-both', owner: { group: 'data-owners' }, reason: 'ours' })

it('a client that an agent of one tenant and a producer of another take in the same moment speaks for one alone', async () => {
  const { registers, pool, superuser, issuer } = at
  const peopleClients = new PeopleClients({ named: [], ownIssuer: issuer, readPages: () => [] })
  const changes = new ChangeEntry({ pool, registers, peopleClients })
  const operatorOf = (tenantId: string): Changer =>
    ({ tenantId, subjectId: at.operator, client: { issuer, clientId: 'countersign-cli' } }) as unknown as Changer
  const holder = await superuser.connect()
  await holder.query('begin; lock table countersign.stream_head in share mode')
  const both = Promise.all([
    changes.agent(operatorOf(at.tenantId), { ...named('bot'), kind: 'agent', producer: 'etl' }),
    changes.producer(operatorOf(elsewhere), { ...named('theirs'), issuer }),
  ])
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await vi.waitFor(async () => expect((await superuser.query(waiting)).rowCount).toBe(2), { timeout: 20_000 })
  await holder.query('rollback')
  holder.release()
  const outcomes = (await both).map((outcome) => (isRefusal(outcome) ? outcome.code : 'registered'))
  expect(outcomes.toSorted((a, b) => a.localeCompare(b))).toEqual(['client_taken', 'registered'])
})
