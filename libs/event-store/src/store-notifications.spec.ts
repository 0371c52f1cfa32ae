import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freshStore, type SpecStore } from './spec-store.ts'
import { newId, type StreamRef } from './stream.ts'
import { listenStore, notifyStore } from './store-notifications.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const connect = async (): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: spec.urlOf('policy'), application_name: 'listener' })
  await client.connect()
  return client
}

const stream: StreamRef = { kind: 'intent', streamId: newId(), tenantId: newId() }

it('wakes a listener, again after its connection was killed, and shares notifications', async () => {
  let calls = 0
  let wanted = Promise.withResolvers<void>()
  const told: unknown[] = []
  const listener = listenStore(connect, (appended) => {
    calls += 1
    told.push(appended)
    wanted.resolve()
  })
  await listener.listening
  const statements: string[] = []
  const pool = spec.poolOf('intake')
  const counting = Object.create(pool, {
    query: { value: (query: pg.QueryConfig) => (statements.push(query.text), pool.query(query)) },
  }) as pg.Pool
  const notifier = notifyStore(counting)

  wanted = Promise.withResolvers<void>()
  for (let commit = 0; commit < 50; commit += 1) notifier.wake([stream])
  await notifier.close()
  await wanted.promise
  expect(statements.length).toBeLessThanOrEqual(2)

  expect(told).toEqual([undefined, ...told.slice(1).map(() => ({ intents: [stream.streamId], hasRegisters: false }))])

  // Whoever reconnects may have missed something, so it is called without a notification.
  wanted = Promise.withResolvers<void>()
  await spec.superuser.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'listener' and datname = current_database()`)
  await wanted.promise

  wanted = Promise.withResolvers<void>()
  notifier.wake([stream])
  await notifier.close()
  await wanted.promise
  expect(calls).toBeGreaterThanOrEqual(4)
  await listener.close()
})
