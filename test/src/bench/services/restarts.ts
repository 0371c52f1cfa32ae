import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { CallOptions } from '../../instance/call.ts'
import { childrenOf } from '../../instance/child-processes.ts'
import type { Running } from '../../running.ts'
import { concreteOf, inReview, readIntent, readReview, settled } from '../../stories.ts'
import { spreadOf } from '../measure.ts'
import type { Scale } from '../scale.ts'
import { measured, type Measured } from '../targets.ts'
import type { Instance } from './instance.ts'

/** More short lives in a row than this, and the supervisor gives a service up. */
const mostRounds = 3
const lookMs = 5

/** What a decision took, s: since the service was killed, and since its process was there again. */
type Taken = { readonly sinceKill: number; readonly sinceStart: number }

const pidOf = ({ process: supervisor }: Running, service: string): number | undefined =>
  childrenOf(supervisor.pid).find(({ command }) => command.includes(`apps/${service}/dist/`))?.pid

/** Kills a service as a lost machine would, and answers when its next process was there. */
const killed = async (running: Running, service: string): Promise<{ killedAt: number; startedAt: Promise<number> }> => {
  const pid = pidOf(running, service)
  if (pid === undefined) throw new Error(`${service} does not run`)
  process.kill(pid, 'SIGKILL')
  const killedAt = performance.now()
  const again = async (): Promise<number> => {
    for (;;) {
      const next = pidOf(running, service)
      if (next !== undefined && next !== pid) return performance.now()
      await pause(lookMs)
    }
  }
  return { killedAt, startedAt: again() }
}

/** Asks again and again until it is decided; what was not decided is an outage, or a defect. */
const decided = async (running: Running, path: string, options: CallOptions): Promise<number> => {
  for (;;) {
    const status = await running.call(path, options).then(
      (answer) => answer.status,
      () => 0,
    )
    if (status >= 200 && status < 300) return performance.now()
    if (status !== 0 && status !== 502 && status !== 503) throw new Error(`${path} was answered with ${status}`)
    await pause(lookMs)
  }
}

const allowed = async (running: Running): Promise<string> => (await settled(running, readIntent())).intentId

/** A verdict after notifier was killed. */
const verdict = async (running: Running): Promise<Taken> => {
  const { reviewId } = await inReview(running)
  const token = running.tokens.ben
  const { presentationDigest } = (await readReview(running, token, reviewId)).body
  const { killedAt, startedAt } = await killed(running, 'notifier')
  const body = { verdict: 'approve', reason: 'checked', presentationDigest }
  const at = await decided(running, `/v1/reviews/${reviewId}/verdicts`, { token, body })
  return takenFrom(at, { killedAt, startedAt: await startedAt })
}

const takenFrom = (at: number, { killedAt, startedAt }: { killedAt: number; startedAt: number }): Taken => ({
  sinceKill: (at - killedAt) / 1_000,
  sinceStart: (at - startedAt) / 1_000,
})

/** A grant collected, another one redeemed, and an intent on Kafka, after intake was killed. */
const grantAndRedemption = async ({ running, line }: Instance) => {
  const token = running.tokens.agent
  const [wanted, used] = [await allowed(running), await allowed(running)]
  const grant = await running.client.collect(used)
  const { killedAt, startedAt } = await killed(running, 'intake')
  const redemption = { token: grant.token, redemptionId: randomUUID(), ...concreteOf(readIntent()) }
  const [collectedAt, redeemedAt, intentMs] = await Promise.all([
    decided(running, `/v1/intents/${wanted}/grant`, { token, body: {} }),
    decided(running, `/v1/grants/${grant.grantId}/redeem`, { token, body: redemption }),
    line.atRate(1, 1),
  ])
  const times = { killedAt, startedAt: await startedAt }
  return {
    collected: takenFrom(collectedAt, times),
    redeemed: takenFrom(redeemedAt, times),
    intent: (intentMs[0] ?? Number.NaN) / 1_000,
  }
}

/** An intent on Kafka that is sent right after policy was killed, to its decision. */
const evaluated = async ({ running, line }: Instance): Promise<number> => {
  const { startedAt } = await killed(running, 'policy')
  const [ms = Number.NaN] = await line.atRate(1, 1)
  await startedAt
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
  const medians = Object.entries(since).flatMap(([name, taken]) => [
    [name, spreadOf(taken.map(({ sinceStart }) => sinceStart)).median],
    [`${name} since the kill`, spreadOf(taken.map(({ sinceKill }) => sinceKill)).median],
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
