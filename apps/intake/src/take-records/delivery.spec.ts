import { randomUUID } from 'node:crypto'
import { topics } from '@countersign/contracts'
import { newId } from '@countersign/event-store'
import { afterEach, describe, expect, it } from 'vitest'
import { createLog } from '@countersign/service-kit'
import { mostKept } from '../quarantine-record/quarantined-rows.ts'
import { ForgetRecords } from '../record-refusal/forget-records.ts'
import { groupOfProducer } from './producer-topics.ts'
import {
  intakeOnBus,
  type IntakeOnBus,
  intentEvent,
  intentRecord,
  reportEvent,
  reportRecord,
  settled,
} from './records.fixture.ts'

let at: IntakeOnBus
afterEach(() => at.close())

const ready = async (): Promise<{ status: string; checks: { name: string; status: string; code?: string }[] }> =>
  (await (await fetch(new URL('/readyz', at.url))).json()) as never
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}
const nobody = { ownerSubject: null, ownerGroup: null, changedBy: null, seeded: true }

describe('delivery at least once', () => {
  it('records, counts and quarantines each record once, however often it comes', async () => {
    at = await intakeOnBus({}, { hooks: { redeliver: () => 3 } })
    const records = [
      intentRecord(intentEvent({ id: 'good' })),
      intentRecord(intentEvent({ id: 'bad-agent' }, { agent: { name: 'nobody' } })),
      intentRecord(intentEvent({ id: 'bad-type', type: 'x' })),
      intentRecord('garbage'),
      intentRecord(null),
    ]
    await at.write(...records)
    await at.write(reportRecord(reportEvent(newId(), { grantId: newId(), executionId: newId(), outcome: 'started' })))
    expect((await at.events('ActionIntentPublished')).map(({ requestId }) => requestId)).toEqual(['good'])
    expect((await at.events('ActionIntentRefused')).map(({ code }) => String(code)).toSorted()).toEqual([
      'agent_not_yours',
      'invalid_json',
      'no_value',
      'wrong_event_type',
    ])
    expect(await at.counted()).toEqual({
      agent_not_yours: 1,
      invalid_json: 1,
      no_value: 1,
      wrong_event_type: 1,
      wrong_subject: 1,
    })
    const quarantined = await at.rows<{ reason: string }>('select reason from intake.quarantined order by reason')
    expect(quarantined).toEqual([{ reason: 'invalid_json' }, { reason: 'no_value' }])
  })

  it('is remembered for as long as a bus may deliver a record again, and no longer', async () => {
    at = await intakeOnBus()
    await at.write(intentRecord('old'), intentRecord('new'))
    await at.superuser.query(
      `update intake.refused_record set refused_at = now() - interval '31 days'
       where ctid = (select min(ctid) from intake.refused_record)`,
    )
    const forget = new ForgetRecords(at.pool, createLog({ service: 'intake', level: 'silent' }))
    expect(await forget.sweep()).toBe(1)
    expect(await at.rows('select from intake.refused_record')).toHaveLength(1)
    expect(await at.rows('select from intake.quarantined')).toHaveLength(2)
  })

  it('holds a batch through an outage of the store, and loses and doubles nothing', async () => {
    at = await intakeOnBus()
    const holder = await at.superuser.connect()
    await holder.query('begin; lock table countersign.event in exclusive mode')
    await at.bus.publish([intentRecord(intentEvent({ id: 'patient' })), intentRecord('garbage')])
    const waiting = `from pg_stat_activity where usename = 'countersign_intake' and datname = current_database()
      and wait_event_type = 'Lock'`
    await until(async () => (await at.rows(`select ${waiting}`)).length > 0)
    await at.superuser.query(`select pg_terminate_backend(pid) ${waiting}`)
    await holder.query('rollback')
    holder.release()
    await settled(at.bus, 'etl')
    expect((await at.events('ActionIntentPublished')).map(({ requestId }) => requestId)).toEqual(['patient'])
    expect(await at.counted()).toEqual({ invalid_json: 1 })
  })
})

/** `FLOODED_INTENTS=100000` is the nightly run. */
const floodedIntents = Number(process.env['FLOODED_INTENTS'] ?? 150)
const floodedWithinMs = 60_000 + floodedIntents * 10

describe('a flood', () => {
  const flooding = `B139 of ${floodedIntents} intents over the quota is refused and counted exactly, and other producers are not affected`
  it(flooding, { timeout: floodedWithinMs }, async () => {
    at = await intakeOnBus({ ADMISSION_PER_SECOND: '5' })
    await at.registers.agent({
      tenantId: at.tenantId,
      agent: 'rival-bot',
      kind: 'agent',
      producer: 'rival',
      issuer: at.issuer,
      clientId: null,
      ...nobody,
    })
    const ofRival = () =>
      intentRecord(intentEvent({ source: '/rival' }, { agent: { name: 'rival-bot' } }), {
        topic: topics.intents('rival'),
      })
    // The other producer asks before the flood, in the middle of it and behind it.
    await at.bus.publish([ofRival()])
    for (let sent = 0; sent < floodedIntents; ) {
      const part = Math.min(1_000, floodedIntents - sent)
      await at.bus.publish(Array.from({ length: part }, () => intentRecord(intentEvent())))
      if (sent < floodedIntents / 2 && sent + part >= floodedIntents / 2) await at.bus.publish([ofRival()])
      sent += part
    }
    await at.write(ofRival())
    await settled(at.bus, 'etl')
    await at.stop()
    const published = await at.events('ActionIntentPublished')
    const taken = published.filter(({ producer }) => producer === 'etl').length
    expect(published.filter(({ producer }) => producer === 'rival')).toHaveLength(3)
    expect(taken).toBeGreaterThanOrEqual(5)
    const { too_many_requests: shed } = await at.counted()
    expect(taken + (shed ?? 0)).toBe(floodedIntents)
    const told = (await at.events('ActionIntentRefused')).filter(({ code }) => code === 'too_many_requests')
    expect(told.reduce((sum, { count }) => sum + Number(count), 0)).toBe(shed)
    expect(told[0]).toMatchObject({ carrier: 'bus', metadata: { producer: 'etl' } })
  })

  it('of bad records is told twenty times and counted exactly', async () => {
    at = await intakeOnBus()
    await at.write(...Array.from({ length: 120 }, (_, index) => intentRecord(`garbage ${index}`)))
    expect(await at.counted()).toEqual({ invalid_json: 120 })
    const events = (await at.events('ActionIntentRefused')).length
    expect(events).toBeGreaterThanOrEqual(20)
    expect(events).toBeLessThan(120)
    const [row] = await at.rows<{ count: string }>(
      'select count(*) from intake.quarantined where sealed_id is not null',
    )
    expect(row?.count).toBe('120')
  })
})

describe('what a producer may have sealed', () => {
  it('is bounded: beyond that hash and coordinates are kept, and the record says so', async () => {
    at = await intakeOnBus()
    await at.write(intentRecord('the first'))
    await at.superuser.query('update intake.quarantined set byte_count = $1', [mostKept.bytes])
    await at.write(intentRecord('the second'))
    const { answer } = await at.call({ as: 'olga', method: 'GET', path: '/v1/quarantine' })
    const records = answer['records'] as { kept: boolean; hash: string | null }[]
    expect(records.map(({ kept }) => kept)).toEqual([true, false])
    expect(records[1]?.hash).toMatch(/^sha256:/)
    const [row] = await at.rows<{ count: string }>('select count(*) from countersign.sealed')
    expect(row?.count).toBe('2')
  })
})

describe('the register of producers', () => {
  it('opens the topics of a producer that is registered while intake runs', async () => {
    at = await intakeOnBus()
    const { tenantId, issuer } = at
    await at.registers.producer({ tenantId, producer: 'late', issuer, clientId: 'late', ...nobody })
    await at.registers.agent({
      tenantId,
      agent: 'late-bot',
      kind: 'agent',
      producer: 'late',
      issuer,
      clientId: null,
      ...nobody,
    })
    const event = intentEvent({}, { agent: { name: 'late-bot' } })
    await at.write(intentRecord(event, { topic: topics.intents('late') }))
    expect(await at.events('ActionIntentPublished')).toEqual([
      expect.objectContaining({ producer: 'late', requestId: event.id }),
    ])
  })

  it('that gives one name to two tenants stops its topics, and health says so until that is mended', async () => {
    at = await intakeOnBus()
    const other = await at.addTenant('other')
    await at.superuser.query(
      `insert into countersign.producer (tenant_id, name, iss, client_id, seeded) values ($1, 'etl', $2, 'etl-of-others', true)`,
      [other, at.issuer],
    )
    await at.bus.publish([intentRecord(intentEvent({ id: 'whose' })), intentRecord('garbage')])
    await until(async () => (await ready()).checks.some(({ code }) => code === 'producer_unclear'))
    expect((await ready()).status).toBe('degraded')
    expect(await at.events('ActionIntentPublished')).toEqual([])
    expect(await at.rows('select from intake.quarantined')).toEqual([])
    await at.superuser.query('delete from countersign.producer where tenant_id = $1', [other])
    await until(async () => (await ready()).status === 'ready')
    await settled(at.bus, 'etl')
    expect((await at.events('ActionIntentPublished')).map(({ requestId }) => requestId)).toEqual(['whose'])
  })

  it('gives each producer a group of its own', async () => {
    at = await intakeOnBus()
    await at.write(intentRecord(intentEvent({ id: randomUUID() })))
    expect((await at.bus.lag(groupOfProducer('etl'))).map(({ topic }) => topic)).toEqual([
      topics.executions('etl'),
      topics.intents('etl'),
    ])
    expect((await at.bus.lag(groupOfProducer('rival'))).map(({ topic }) => topic)).toEqual([
      topics.executions('rival'),
      topics.intents('rival'),
    ])
  })
})
