import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../instance/until.ts'
import { type Running, startRunning } from '../../running.ts'
import { Acknowledged } from './acknowledged.ts'
import { judge, type Violation } from './judge.ts'
import { publishOverKafka } from './kafka-load.ts'
import { Caller } from './load.ts'
import { randomFrom, shuffled } from './random.ts'
import { kill, KillablePostgres, serviceVictims, type Victim } from './victims.ts'

export type FaultOptions = {
  readonly minutes: number
  readonly seed: number
  readonly say: (line: string) => void
}

export type Report = {
  readonly seed: number
  readonly minutes: number
  /** How often each was killed. */
  readonly kills: Readonly<Record<string, number>>
  /** What callers were promised meanwhile. */
  readonly promised: Readonly<Record<string, number>>
  readonly violations: readonly Violation[]
}

const callers = 6
const producer = 'etl'
/** Between two kills, in ms, and how long a killed broker or database stays down. */
const betweenMs = { least: 1_500, most: 4_000 }
const downMs = 1_500
const calmMs = 180_000

/** Waits until no consumer is behind and every event is in the ledger and on the bus. */
const calm = ({ superuser, bus }: Running): Promise<unknown> => {
  const isCalm = async (): Promise<boolean> => {
    if ((await bus.behind()) > 0) return false
    const { rows } = await superuser.query<{ waiting: string }>(
      `select (select count(*) from countersign.event) - (select count(*) from ledger.entry)
        + (select count(*) from countersign.event
            where (incarnation, xid, position) > (select incarnation, xid, position from relay.lease)) as waiting`,
    )
    return rows[0]?.waiting === '0'
  }
  return until(() => isCalm().catch(() => false), { what: 'calm', withinMs: calmMs })
}

/**
 * Runs everything as processes under load, kills one of them at random every few seconds, waits for calm and judges. What it
 * started it ends.
 */
export const killAtRandom = async ({ minutes, seed, say }: FaultOptions): Promise<Report> => {
  const random = randomFrom(seed)
  const folder = await mkdtemp(join(tmpdir(), 'countersign-faults-'))
  await chmod(folder, 0o711)
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const seen = new Acknowledged()
  const kills: Record<string, number> = {}
  try {
    say(`seed ${seed}: starting PostgreSQL, Kafka and the services`)
    const postgres = await KillablePostgres.start(join(folder, 'postgres'))
    closers.push(() => postgres.stop())
    const environment = { DATABASE_URL: postgres.urlOf('countersign') }
    const running = await startRunning({ bus: 'kafka', environment })
    closers.push(() => running.stop())
    const { baseUrl, tokens, kafka: broker } = running
    if (broker === undefined) throw new Error('the product is not on Kafka')

    const stopping = new AbortController()
    const load = [
      ...Array.from({ length: callers }, () =>
        new Caller({ baseUrl, tokens, seen, random, stopping: stopping.signal }).run(),
      ),
      publishOverKafka({ kafka: broker.as(producer), producer, seen, stopping: stopping.signal }),
    ]
    const victims: readonly Victim[] = [...serviceVictims, 'broker', 'postgres']
    // Dealt like cards: all are killed as often, and none so often that its supervisor takes it for a crash loop.
    const deck: Victim[] = []
    const end = performance.now() + minutes * 60_000
    while (performance.now() < end) {
      await pause(betweenMs.least + random() * (betweenMs.most - betweenMs.least))
      if (deck.length === 0) deck.push(...shuffled(victims, random))
      const victim = deck.pop() ?? 'relay'
      if (!running.process.isRunning) throw new Error(`the product gave up:\n${running.process.output.slice(-2_000)}`)
      const wasThere = await kill(victim, random() * downMs, { supervisorPid: running.process.pid, broker, postgres })
      if (wasThere) kills[victim] = (kills[victim] ?? 0) + 1
      say(
        `${wasThere ? 'killed' : 'not there:'} ${victim}; ${seen.intents.size} intents, ${seen.requests.size} requests on Kafka so far`,
      )
    }
    say('no more kills; waiting for calm')
    stopping.abort()
    await Promise.all(load)
    await calm(running)
    const violations = await judge({ superuser: running.superuser, kafka: broker, seen }, producer)
    const promised = {
      'intents acknowledged': seen.intents.size,
      'requests acknowledged by Kafka': seen.requests.size,
      'verdicts recorded': seen.verdicts.size,
      'grants redeemed': seen.redemptions.size,
      'reports accepted': seen.reports.size,
      'tries without an answer': seen.unanswered,
    }
    return { seed, minutes, kills, promised, violations }
  } finally {
    // What is left was killed often enough: how it ends decides nothing, and must not hide what went wrong.
    for (const close of closers.toReversed())
      await close().catch((error: Error) => say(error.message.split('\n')[0] ?? ''))
  }
}
