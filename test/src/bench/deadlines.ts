import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventStore, notifyStore } from '@countersign/event-store'
import { timersWorld } from '../faults/timers-world.ts'
import { until } from '../instance/until.ts'
import type { Credentials } from '../running.ts'
import { percentile, spreadOf } from './measure.ts'
import type { OpenedStore } from './opened-store.ts'
import { measured, type Measured } from './targets.ts'

const policies = fileURLToPath(new URL('../../../policies', import.meta.url))

/** In each round: so many deadlines, spread over so long, and so many more at one moment in the middle of them. */
const [spreadOver, overMs, atOnce] = [1_000, 10_000, 500]
/** Deadlines begin so long after their intents. */
const firstMs = 1_000
const killedAtMs = 2_500
const [stoppedAtMs, goesOnAtMs] = [4_000, 8_000]

type DeadlinesOptions = {
  readonly dataDir: string
  readonly credentials: Credentials
  readonly rounds: number
}

/**
 * How late deadlines are that three processes of policy see to while one of them is killed and started again, and one is
 * stopped for four seconds: by the database's clock, from the deadline to the record that it has passed.
 */
export const measureDeadlines = async (
  store: OpenedStore,
  { dataDir, credentials, rounds }: DeadlinesOptions,
): Promise<Measured> => {
  const settings = {
    DATABASE_URL: store.urlOf('policy'),
    STORE_MARK_DIR: `${dataDir}/published`,
    STORE_MARK_KEY_FILE: store.key('store-mark.key'),
    DEPLOYMENT_KEY_FILE: store.key('deployment.key'),
    BUS_MAC_KEY: store.busMacKey,
    OIDC_ISSUER: credentials.issuer,
    OIDC_AUDIENCE: credentials.audience,
    POLICY_FOLDER: policies,
    LOG_LEVEL: 'info',
  }
  const wake = notifyStore(store.superuser)
  const intake = eventStore(store.poolOf('intake'), {
    metadata: { service: 'intake' },
    onAppended: (moved) => wake.wake(moved),
  })
  const late: number[][] = []
  for (let round = 0; round < rounds; round += 1) {
    const { superuser, tenantId } = store
    const world = timersWorld({ settings, intake, superuser, tenantId })
    try {
      const [killed, stopped] = await Promise.all([world.startTimer(), world.startTimer(), world.startTimer()])
      const dueInMs = [
        ...Array.from({ length: spreadOver }, (_, at) => firstMs + Math.round((at * overMs) / spreadOver)),
        ...Array.from({ length: atOnce }, () => firstMs + overMs / 2),
      ]
      await world.publish(dueInMs)
      await pause(killedAtMs)
      await killed.kill()
      const restarted = world.startTimer()
      await pause(stoppedAtMs - killedAtMs)
      stopped.freeze()
      await pause(goesOnAtMs - stoppedAtMs)
      stopped.thaw()
      await restarted
      const fired = await until(
        async () => {
          const all = await world.fired()
          return all.length === world.expected && all
        },
        { what: 'the last deadline', withinMs: 60_000 },
      )
      if (fired.some(({ times }) => times !== 1)) throw new Error('a deadline fired twice')
      late.push(fired.map(({ lateMs }) => lateMs).toSorted((a, b) => a - b))
    } finally {
      await world.stopTimers()
    }
  }
  await wake.close()
  const at = (share: number) => spreadOf(late.map((times) => percentile(times, share)))
  return measured('deadlines', {
    ours: {
      what: `${spreadOver} deadlines in ${overMs / 1_000} s and ${atOnce} at one moment`,
      perSecond: (spreadOver * 1_000) / overMs,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
    },
    ratio: spreadOf(late.map((times) => percentile(times, 0.99) / 1_000)),
  })
}
