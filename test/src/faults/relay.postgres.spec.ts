import { createPostgresBus } from '@countersign/bus'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../instance/until.ts'
import { type BusUnderTest, type RelayWorld, relayWorld } from './relay-world.ts'
import { relayFaults } from './relay.contract.ts'

const onPostgres = (): BusUnderTest => ({
  settings: { BUS: 'postgres' },
  open: async (pool) => {
    const bus = createPostgresBus({ pool, log: () => undefined })
    return { bus, close: () => bus.close() }
  },
})

relayFaults('postgres', onPostgres)

/** Holds every send while somebody has the lock. */
const holdSends = `
create function public.hold_send() returns trigger language plpgsql security definer as $$
begin
  perform pg_advisory_xact_lock_shared(4242);
  return new;
end
$$;
create trigger hold_send before insert on bus.log for each row execute function public.hold_send();
`

describe('a relay that is caught in the middle of a send', { timeout: 120_000 }, () => {
  let world: RelayWorld
  let gate: pg.Client
  beforeAll(async () => {
    world = await relayWorld(onPostgres())
    await world.store.superuser.query(holdSends)
    gate = new pg.Client({ connectionString: world.store.superuserUrl })
    await gate.connect()
  })
  afterEach(() => world.stopRelays())
  afterAll(async () => {
    await gate.end()
    await world.close()
  })

  const isSending = (): Promise<true> =>
    until(
      async () => {
        const { rowCount } = await gate.query(
          `select from pg_stat_activity where datname = current_database() and usename = 'countersign_relay'
           and wait_event_type = 'Lock' and wait_event = 'advisory'`,
        )
        return rowCount === 1 || undefined
      },
      { what: 'a send' },
    )

  it('has marked what it was about to send, and another one sends it', async () => {
    const relay = await world.startRelay()
    await world.append(100)
    await world.everything()
    const marked = await world.marks.read()
    expect(marked?.position).toBe((await world.cursor()).position)
    await gate.query('select pg_advisory_lock(4242)')
    await world.append(100)
    await isSending()
    expect((await world.marks.read())?.position).toBe((marked?.position ?? 0) + 100)
    expect((await world.cursor()).position).toBe(marked?.position)
    await relay.kill()
    await gate.query('select pg_advisory_unlock(4242)')
    await world.startRelay()
    await world.everything()
    expect(await world.problems()).toEqual([])
  })

  it('does not move the cursor when it wakes, and what it sent twice is a duplicate', async () => {
    const frozen = await world.startRelay()
    await world.append(100)
    await world.everything()
    await gate.query('select pg_advisory_lock(4242)')
    await world.append(100)
    await isSending()
    frozen.freeze()
    await gate.query('select pg_advisory_unlock(4242)')
    const before = await world.cursor()
    await world.startRelay()
    await until(async () => (await world.cursor()).position > before.position || undefined, {
      what: 'another relay that publishes the same',
      withinMs: 60_000,
    })
    await world.append(100)
    await world.everything()
    const after = await world.cursor()
    expect(after.holder).not.toBe(before.holder)
    frozen.thaw()
    await until(async () => (await frozen.trouble('publish_events')) === undefined || undefined, {
      what: 'the relay that woke',
    })
    await world.append(100)
    await world.everything()
    expect(await world.problems()).toEqual([])
    expect(new Set(world.seen.map(({ eventId }) => eventId)).size).toBeLessThan(world.seen.length)
    expect((await world.cursor()).holder).toBe(after.holder)
  })
})

describe('a relay on a store that went another way than what was published', { timeout: 120_000 }, () => {
  let world: RelayWorld
  beforeAll(async () => {
    world = await relayWorld(onPostgres())
  })
  afterAll(() => world.close())

  it('publishes nothing, says so in its readiness, and raises an alarm in its log', async () => {
    const first = await world.startRelay()
    await world.append(50)
    await world.everything()
    await first.stop()
    const seen = world.seen.length
    const mark = await world.marks.read()
    // The store as it would be had it been set back by one event and then gone on.
    await world.store.superuser.query(`set session_replication_role = replica;
      delete from countersign.event where event_id = '${mark?.event?.eventId}';
      set session_replication_role = origin`)
    await world.append(50)
    const relay = await world.startRelay()
    await until(async () => (await relay.trouble('publish_events')) === 'store_diverged' || undefined, {
      what: 'the alarm',
    })
    const alarms = relay.output.split('\n').filter((line) => line.includes('store_diverged'))
    expect(alarms.some((line) => (JSON.parse(line) as { level?: unknown }).level === 'error')).toBe(true)
    expect(world.seen).toHaveLength(seen)
    expect(await world.marks.read()).toEqual(mark)
  })
})
