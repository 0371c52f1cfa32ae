import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { CallOptions } from '../../instance/call.ts'
import { childrenOf } from '../../instance/child-processes.ts'
import type { Running } from '../../running.ts'
import { concreteOf, inReview, readIntent, readReview, settled } from '../../stories.ts'
import { cpuMsOf, spreadOf } from '../measure.ts'
import type { Scale } from '../scale.ts'
import { measured, type Measured } from '../targets.ts'
import type { Instance } from './instance.ts'

/** More short lives in a row than this, and the supervisor gives a service up. */
const mostRounds = 3
const lookMs = 5

/** What a decision took, s: since the service was killed, since its process was there again, and of the CPU by then. */
type Taken = { readonly sinceKill: number; readonly sinceStart: number; readonly cpu: number }

/** A kill, and the process that came after it. */
type Kill = { readonly killedAt: number; readonly next: Promise<{ readonly at: number; readonly pid: number }> }

const pidOf = ({ process: supervisor }: Running, service: string): number | undefined =>
  childrenOf(supervisor.pid).find(({ command }) => command.includes(`apps/${service}/dist/`))?.pid

/** Kills a service as a lost machine would. */
const killed = (running: Running, service: string): Kill => {
  const pid = pidOf(running, service)
  if (pid === undefined) throw new Error(`${service} does not run`)
  process.kill(pid, 'SIGKILL')
  const killedAt = performance.now()
  const again = async () => {
    for (;;) {
      const next = pidOf(running, service)
      if (next !== undefined && next !== pid) return { at: performance.now(), pid: next }
      await pause(lookMs)
    }
  }
  return { killedAt, next: again() }
}

/** Asks again and again until it is decided; what was not decided is an outage, or a defect. */
const decided = async (
  running: Running,
  path: string,
  options: CallOptions & { readonly kill: Kill },
): Promise<Taken> => {
  for (;;) {
    const status = await running.call(path, options).then(
      (answer) => answer.status,
      () => 0,
    )
    if (status >= 200 && status < 300) return takenBy(options.kill)
    if (status !== 0 && status !== 502 && status !== 503) throw new Error(`${path} was answered with ${status}`)
    await pause(lookMs)
  }
}

const takenBy = async ({ killedAt, next }: Kill): Promise<Taken> => {
  const now = performance.now()
  const { at, pid } = await next
  const cpu = (await cpuMsOf(pid)) ?? Number.NaN
  return { sinceKill: (now - killedAt) / 1_000, sinceStart: (now - at) / 1_000, cpu: cpu / 1_000 }
}

const allowed = async (running: Running): Promise<string> => (await settled(running, readIntent())).intentId

/** A verdict after notifier was killed. */
const verdict = async (running: Running): Promise<Taken> => {
  const { reviewId } = await inReview(running)
  const token = running.tokens.ben
  const { presentationDigest } = (await readReview(running, token, reviewId)).body
  const kill = killed(running, 'notifier')
  const body = { verdict: 'approve', reason: 'checked', presentationDigest }
  return decided(running, `/v1/reviews/${reviewId}/verdicts`, { token, body, kill })
}

/** A grant collected, another one redeemed, and an intent on Kafka, after intake was killed. */
const grantAndRedemption = async ({ running, line }: Instance) => {
  const token = running.tokens.agent
  const [wanted, used] = [await allowed(running), await allowed(running)]
  const grant = await running.client.collect(used)
  const kill = killed(running, 'intake')
  const redemption = { token: grant.token, redemptionId: randomUUID(), ...concreteOf(readIntent()) }
  const [collected, redeemed, [intentMs = Number.NaN]] = await Promise.all([
    decided(running, `/v1/intents/${wanted}/grant`, { token, body: {}, kill }),
    decided(running, `/v1/grants/${grant.grantId}/redeem`, { token, body: redemption, kill }),
    line.atRate(1, 1),
  ])
  return { collected, redeemed, intent: intentMs / 1_000 }
}

/** An intent on Kafka that is sent right after policy was killed, to its decision. */
const evaluated = async ({ running, line }: Instance): Promise<number> => {
  const { next } = killed(running, 'policy')
  const [ms = Number.NaN] = await line.atRate(1, 1)
  await next
  return ms / 1_000
}

/** How long a killed service takes until it decides again: over HTTP since its restart, on Kafka since it was killed. */
export const measureRestarts = async (instance: Instance, { rounds }: Scale): Promise<Measured[]> => {
  const { running } = instance
  const since: Record<'verdict' | 'collect' | 'redeem', Taken[]> = { verdict: [], collect: [], redeem: [] }
  const intents: Record<'intake killed' | 'policy killed', number[]> = { 'intake killed': [], 'policy killed': [] }
  for (let round = 0; round < Math.min(rounds, mostRounds); round += 1) {
    since.verdict.push(await verdict(running))
    const { collected, redeemed, intent } = await grantAndRedemption(instance)
    since.collect.push(collected)
    since.redeem.push(redeemed)
    intents['intake killed'].push(intent)
    intents['policy killed'].push(await evaluated(instance))
  }
  const median = (taken: readonly Taken[], of: keyof Taken): number => spreadOf(taken.map((one) => one[of])).median
  const medians = Object.entries(since).flatMap(([name, taken]) => [
    [name, median(taken, 'sinceStart')],
    [`${name} since the kill`, median(taken, 'sinceKill')],
    [`${name}, CPU of the process until then`, median(taken, 'cpu')],
  ])
  return [
    measured('restart', {
      ours: { what: 's to the first decision, medians', services: Object.fromEntries(medians) },
      ratio: spreadOf(
        since.verdict.map((taken, at) =>
          Math.max(taken.sinceStart, since.collect[at]?.sinceStart ?? 0, since.redeem[at]?.sinceStart ?? 0),
        ),
      ),
    }),
    measured('failover', {
      ours: {
        what: 's from an intent sent right after the kill to its decision, medians',
        services: Object.fromEntries(Object.entries(intents).map(([name, taken]) => [name, spreadOf(taken).median])),
      },
      ratio: spreadOf(intents['intake killed'].map((taken, at) => Math.max(taken, intents['policy killed'][at] ?? 0))),
    }),
  ]
}
