import { topics } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { intakeOnBus, type IntakeOnBus, intentEvent, intentRecord } from '../take-records/records.fixture.ts'

let at: IntakeOnBus
let admin: string
beforeAll(async () => {
  at = await intakeOnBus()
  admin = at.bystander
  await at.superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id) values ($1, 'security-admins', $2)`,
    [at.tenantId, admin],
  )
})
afterAll(() => at.close())

const get = (path: string, as = 'olga') => at.call({ as, method: 'GET', path })
const redrive = (body: object, as = 'olga') => at.call({ as, path: '/v1/quarantine/redrive', body })
const listed = async (query = ''): Promise<Record<string, unknown>[]> =>
  (await get(`/v1/quarantine${query}`)).answer['records'] as Record<string, unknown>[]
/** Quarantines a good intent, as a fault of ours would; answers its quarantine id. */
const quarantineGood = async (id: string): Promise<string> => {
  await at.superuser.query(
    `create function pg_temp_fail() returns trigger language plpgsql as $$ begin raise exception 'a fault of ours'; end $$;
     create trigger fail before insert on countersign.idempotency_key for each row execute function pg_temp_fail()`,
  )
  try {
    await at.write(intentRecord(intentEvent({ id })))
  } finally {
    await at.superuser.query('drop trigger fail on countersign.idempotency_key; drop function pg_temp_fail()')
  }
  const [last] = (await listed('?reason=internal_error')).slice(-1)
  return String(last?.['quarantineId'])
}

describe('the quarantine', () => {
  it('shows operators where a record stood and why it was not taken, never what it holds', async () => {
    await at.write(intentRecord('a secret that is not JSON'))
    await at.write(intentRecord('{"a":1,"a":2}'))
    const records = await listed()
    expect(records.map(({ reason }) => reason)).toEqual(['invalid_json', 'duplicate_key'])
    expect(records[0]).toMatchObject({
      producer: 'etl',
      topic: topics.intents('etl'),
      group: 'countersign.intake.etl',
      kept: true,
      bytes: 25,
      redrives: 0,
    })
    expect(await listed('?reason=duplicate_key')).toHaveLength(1)
    expect(await listed('?topic=other')).toEqual([])
    const first = await get('/v1/quarantine?limit=1')
    const second = await get(`/v1/quarantine?limit=1&after=${String(first.answer['next'])}`)
    expect([first, second].flatMap(({ answer }) => answer['records'])).toEqual(records)
    const { answer } = await get(`/v1/quarantine/${String(records[0]?.['quarantineId'])}`)
    expect(answer).toEqual(records[0])
    expect(JSON.stringify([records, answer])).not.toContain('secret')
  })

  it('gives the content to security admins only, and records each time who read it', async () => {
    const [record] = await listed('?reason=invalid_json')
    const path = `/v1/quarantine/${String(record?.['quarantineId'])}/content`
    expect((await get(path)).code).toBe('not_allowed')
    expect((await at.events('CommandRefused')).at(-1)).toMatchObject({
      command: 'open_quarantined',
      code: 'not_allowed',
      by: at.operator,
    })
    expect(await at.events('QuarantineOpened')).toEqual([])
    const { answer } = await get(path, 'paul')
    expect(Buffer.from(String(answer['value']), 'base64').toString()).toBe('a secret that is not JSON')
    expect(answer).toMatchObject({ key: 'any key', contentType: 'application/cloudevents+json; charset=UTF-8' })
    expect(await at.events('QuarantineOpened')).toEqual([
      expect.objectContaining({ quarantineId: record?.['quarantineId'], by: admin }),
    ])
  })

  it('keeps no bytes readable outside the seal', async () => {
    const leaks = await at.rows(
      `select 1 from countersign.event where data::text like '%a secret that%' union all
       select 1 from intake.quarantined q where q::text like '%a secret that%' union all
       select 1 from countersign.sealed where position('a secret that'::bytea in ciphertext) > 0`,
    )
    expect(leaks).toEqual([])
  })

  it('is nothing to programs, to people without the right and to other tenants', async () => {
    expect((await get('/v1/quarantine', 'etl')).code).toBe('not_human')
    await at.superuser.query('delete from countersign.group_member where subject_id = $1', [admin])
    expect((await get('/v1/quarantine', 'paul')).code).toBe('not_allowed')
    expect((await redrive({}, 'paul')).code).toBe('not_allowed')
    await at.superuser.query('update intake.quarantined set tenant_id = $1', [await at.addTenant('another')])
    expect(await listed()).toEqual([])
  })
})

describe('a redrive', () => {
  it('takes a record as if it came now, once, and records who did it and what came of it', async () => {
    const before = (await at.events('ActionIntentPublished')).length
    const quarantineId = await quarantineGood('mended')
    expect(await at.events('ActionIntentPublished')).toHaveLength(before)
    const { answer } = await redrive({ quarantineId })
    expect(answer).toEqual({ records: [{ quarantineId, outcome: 'taken' }] })
    expect((await at.events('ActionIntentPublished')).at(-1)).toMatchObject({ requestId: 'mended', producer: 'etl' })
    expect((await at.events('QuarantineRedriven')).at(-1)).toMatchObject({
      quarantineId,
      topic: topics.intents('etl'),
      outcome: 'taken',
      by: at.operator,
    })
    expect(await listed()).toEqual([])
    expect(await listed('?state=all')).toEqual([
      expect.objectContaining({ quarantineId, outcome: 'taken', redrives: 1 }),
    ])
    expect((await redrive({ quarantineId })).answer).toEqual({ records: [] })
    expect(await at.events('ActionIntentPublished')).toHaveLength(before + 1)
  })

  it('by reason takes all of it; what can be read but not taken is refused and answered', async () => {
    await quarantineGood('mended-2')
    const conflicting = await quarantineGood('mended-3')
    await at.write(intentRecord(intentEvent({ id: 'mended-3' }, { target: 'other' })))
    const { answer } = await redrive({ reason: 'internal_error', topic: topics.intents('etl') })
    expect(answer['records']).toEqual([
      expect.objectContaining({ outcome: 'taken' }),
      { quarantineId: conflicting, outcome: 'refused', code: 'id_conflict' },
    ])
    expect((await at.events('ActionIntentRefused')).at(-1)).toMatchObject({
      code: 'id_conflict',
      requestId: 'mended-3',
      carrier: 'bus',
    })
    expect(await listed()).toEqual([])
  })

  it('leaves in quarantine what still cannot be read, or was not kept', async () => {
    await at.write(intentRecord('still garbage'))
    await at.write(intentRecord(null))
    const refused = (await at.counted())['invalid_json']
    const { answer } = await redrive({})
    expect(answer['records']).toEqual([
      expect.objectContaining({ outcome: 'quarantined', code: 'invalid_json' }),
      expect.objectContaining({ outcome: 'quarantined', code: 'not_kept' }),
    ])
    expect((await listed()).map(({ redrives, outcome }) => [redrives, outcome])).toEqual([
      [1, 'quarantined'],
      [1, 'quarantined'],
    ])
    expect((await at.counted())['invalid_json']).toBe(refused)
  })
})

describe('parked keys of services', () => {
  const park = (group: string, key: string) =>
    at.superuser.query(
      `with lane as (insert into bus.parked_lane (group_name, topic, lane, key, reason) values ($1, $2, 'k:' || $3, $3, 'evaluation_failed'))
       insert into bus.parked_record (group_name, topic, lane, major, minor, headers, created_at) values ($1, $2, 'k:' || $3, 1, 1, '{}', now())`,
      [group, topics.events, key],
    )

  it('are listed and let go by operators of the tenant that they belong to, which is an event', async () => {
    const [intent] = await at.events('ActionIntentPublished')
    const key = String(intent?.['intentId'])
    const foreign = '019d0c4e-7b00-7000-8000-000000000009'
    await park('countersign.policy', key)
    await park('countersign.policy', foreign)
    expect((await get('/v1/parked', 'paul')).code).toBe('not_allowed')
    expect((await get('/v1/parked')).answer['keys']).toEqual([
      expect.objectContaining({
        group: 'countersign.policy',
        topic: topics.events,
        key,
        reason: 'evaluation_failed',
        records: 1,
      }),
    ])
    const ask = (of: string) =>
      at.call({
        as: 'olga',
        path: '/v1/parked/redrive',
        body: { group: 'countersign.policy', topic: topics.events, key: of },
      })
    expect((await ask(foreign)).code).toBe('not_found')
    expect((await ask(key)).answer).toEqual({ records: 1 })
    expect(await at.events('ParkedKeyRedriven')).toEqual([
      expect.objectContaining({ key, records: 1, by: at.operator }),
    ])
    const marked = await at.rows<{ key: string }>('select key from bus.parked_lane where redrive_at is not null')
    expect(marked).toEqual([{ key }])
  })
})
