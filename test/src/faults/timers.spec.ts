import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrateBus } from '@countersign/bus'
import { createDeploymentKeyFile, eventStore, notifyStore, storeRoles } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { migratePolicy } from '@countersign/policy'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../instance/until.ts'
import { type TimersWorld, timersWorld } from './timers-world.ts'

const withinMs = 60_000
const policies = fileURLToPath(new URL('../../../policies', import.meta.url))

let store: SpecStore
let folder: string
let world: TimersWorld
beforeAll(async () => {
  store = await freshStore()
  await migratePolicy(store.urlOf('owner'))
  const owner = new pg.Client({ connectionString: store.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: [storeRoles.policy] })
  await owner.end()
  folder = await mkdtemp(join(tmpdir(), 'timers-'))
  const deploymentKeyFile = join(folder, 'deployment.key')
  await createDeploymentKeyFile(deploymentKeyFile)
  const wake = notifyStore(store.poolOf('intake'))
  world = timersWorld({
    settings: {
      DATABASE_URL: store.urlOf('policy'),
      ...store.markSettings,
      DEPLOYMENT_KEY_FILE: deploymentKeyFile,
      BUS_MAC_KEY: randomBytes(32).toString('base64url'),
      OIDC_ISSUER: 'https://id.example',
      OIDC_AUDIENCE: 'countersign',
      POLICY_FOLDER: policies,
    },
    intake: eventStore(store.poolOf('intake'), {
      metadata: { service: 'intake' },
      onAppended: (moved) => wake.wake(moved),
    }),
    superuser: store.superuser,
    tenantId: store.tenantId,
  })
})
afterEach(() => world.stopTimers())
afterAll(async () => {
  await store.drop()
  await rm(folder, { recursive: true })
})

const spread = (count: number, overMs: number): number[] =>
  Array.from({ length: count }, (_, at) => Math.round((at * overMs) / count))
const fires = (atLeast: number) =>
  until(async () => (await world.fired()).length >= atLeast || undefined, { what: `the ${atLeast}th end`, withinMs })

/** Each deadline was fired once, and none before its time. */
const expectOnce = async () => {
  await fires(world.expected)
  const wrong = (await world.fired()).filter(({ times, lateMs }) => times !== 1 || lateMs < 0)
  expect(wrong).toEqual([])
}

describe('deadlines that three processes see to', { timeout: 180_000 }, () => {
  it('each fire once, while one process is killed, one sleeps and wakes, and a new one comes', async () => {
    const [killed, paused] = await Promise.all([world.startTimer(), world.startTimer(), world.startTimer()])
    await world.publish(spread(300, 3_000))
    await fires(50)
    await killed.kill()
    paused.freeze()
    await world.publish(spread(200, 1_000))
    await fires(world.expected)
    paused.thaw()
    await world.startTimer()
    await world.publish(spread(100, 1_000))
    await expectOnce()
  })

  it('fire though a process was stopped in the middle of ending them, and once when it goes on', async () => {
    // Holds every end of an intent while somebody has the lock.
    await store.superuser.query(`
      create function public.hold_end() returns trigger language plpgsql security definer as $$
      begin
        perform pg_advisory_xact_lock_shared(4242);
        return new;
      end
      $$;
      create trigger hold_end before insert on countersign.event for each row
        when (new.type like '%.IntentExpired.%') execute function public.hold_end()`)
    const gate = new pg.Client({ connectionString: store.superuserUrl })
    await gate.connect()
    await gate.query('select pg_advisory_lock(4242)')
    const paused = await world.startTimer()
    await world.publish(spread(50, 0))
    await until(
      async () =>
        (
          await gate.query(
            `select from pg_stat_activity where datname = current_database() and usename = 'countersign_policy'
             and wait_event_type = 'Lock' and wait_event = 'advisory'`,
          )
        ).rowCount === 1 || undefined,
      { what: 'the end that is held', withinMs },
    )
    paused.freeze()
    await gate.end()
    await Promise.all([world.startTimer(), world.startTimer()])
    await fires(world.expected)
    paused.thaw()
    await world.publish(spread(50, 500))
    await expectOnce()
    expect(paused.isRunning).toBe(true)
  })
})
