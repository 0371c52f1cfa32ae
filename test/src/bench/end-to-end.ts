import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { GrantView, IntentView, ReceiptView, ReviewView } from '@countersign/contracts'
import type { Running } from '../running.ts'
import { concreteOf, exportIntent, readIntent } from '../stories.ts'
import { type HttpClient, httpClient, type Reply } from './http-client.ts'
import { type Cost, costOf, type CpuClocks, percentile, round } from './measure.ts'

export type Throughput = Cost & {
  readonly publishers: number
  readonly seconds: number
  /** Transactions that PostgreSQL committed meanwhile, whoever began them, for each that was finished. */
  readonly transactions: number
}
export type Latency = {
  readonly perSecond: number
  readonly intents: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const ok = <Body>(what: string, { status, body }: Reply<Body>): Body => {
  if (status >= 300) throw new Error(`${what} was answered with ${status}: ${JSON.stringify(body)}`)
  return body
}

/** Publishes an allowed read and resolves when its decision has come back. */
const decided = async (client: HttpClient, token: string): Promise<void> => {
  const body = readIntent()
  const published = ok('an intent', await client.send<IntentView>('/v1/intents', { token, body, key: randomUUID() }))
  const path = `/v1/intents/${published.intentId}?waitMs=20000`
  const { state } = ok('a decision', await client.send<IntentView>(path, { token }))
  if (state !== 'allowed') throw new Error(`an intent is ${state}, not allowed`)
}

/** So many workers that each begin anew as soon as they are done, until the time is over. Counts what was finished. */
const forSeconds = async (seconds: number, workers: number, work: () => Promise<void>): Promise<number> => {
  const end = performance.now() + seconds * 1_000
  let done = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      await work()
      done += 1
    }
  }
  await Promise.all(Array.from({ length: workers }, worker))
  return done
}

export type Load = { readonly running: Running; readonly clocks: CpuClocks; readonly seconds: number }

/** Transactions committed so far. Sessions report theirs about once a second. */
const committed = async ({ superuser }: Running): Promise<number> => {
  await pause(1_200)
  const { rows } = await superuser.query<{ n: string }>(
    'select xact_commit as n from pg_stat_database where datname = current_database()',
  )
  return Number(rows[0]?.n)
}

const measured = async (
  { running, clocks, seconds }: Load,
  workers: number,
  work: () => Promise<void>,
): Promise<Throughput> => {
  const before = await committed(running)
  const cost = await costOf(clocks, () => forSeconds(seconds, workers, work))
  const transactions = round(((await committed(running)) - before) / cost.count, 1)
  return { publishers: workers, seconds, transactions, ...cost }
}

/** Intents per second from the request to the decision, with as many publishers at once as are given. */
export const measureThroughput = async (load: Load, publishers: number): Promise<Throughput> => {
  const { running, seconds } = load
  const client = httpClient(running.baseUrl, publishers)
  const { agent } = running.tokens
  try {
    await forSeconds(Math.min(3, seconds / 3), publishers, () => decided(client, agent))
    return await measured(load, publishers, () => decided(client, agent))
  } finally {
    client.close()
  }
}

/**
 * Time from the moment at which an intent was due to its decision, at a fixed rate: an answer that comes late does not delay
 * the next request, so waiting in line is counted.
 */
export const measureLatency = async ({ running, seconds }: Load, perSecond: number): Promise<Latency> => {
  const client = httpClient(running.baseUrl, 256)
  const { agent } = running.tokens
  const taken: number[] = []
  const under: Promise<void>[] = []
  const intents = Math.max(1, Math.floor(perSecond * seconds))
  try {
    const began = performance.now()
    for (let at = 0; at < intents; at += 1) {
      const due = began + (at * 1_000) / perSecond
      const early = due - performance.now()
      if (early > 1) await pause(early)
      under.push(decided(client, agent).then(() => void taken.push(performance.now() - due)))
    }
    await Promise.all(under)
  } finally {
    client.close()
  }
  const sorted = taken.toSorted((a, b) => a - b)
  const at = (share: number): number => round(percentile(sorted, share))
  return { perSecond: round(perSecond, 1), intents, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1) }
}

/** One export from the request over a person's yes to the executor's report; answers how long the yes took, ms. */
const humanCycle = async (client: HttpClient, { tokens }: Running): Promise<number> => {
  const { agent: token, ben } = tokens
  const body = exportIntent()
  const { intentId } = ok('an intent', await client.send<IntentView>('/v1/intents', { token, body, key: randomUUID() }))
  const path = `/v1/intents/${intentId}?waitMs=20000&known=published`
  const { review } = ok('an intent in review', await client.send<IntentView>(path, { token }))
  if (review === undefined) throw new Error('nobody is asked to review it')
  const { reviewId } = review
  const { presentationDigest } = ok(
    'a review',
    await client.send<ReviewView>(`/v1/reviews/${reviewId}?waitMs=20000`, { token: ben }),
  )
  const verdict = { verdict: 'approve', presentationDigest, reason: 'checked' }
  const asked = performance.now()
  const given = await client.send<{ readonly state: string }>(`/v1/reviews/${reviewId}/verdicts`, {
    token: ben,
    body: verdict,
  })
  const verdictMs = performance.now() - asked
  if (ok('a verdict', given).state !== 'approved') throw new Error('a yes did not approve')
  const grant = ok('a grant', await client.send<GrantView>(`/v1/intents/${intentId}/grant`, { token, body: {} }))
  const redemption = { token: grant.token, redemptionId: randomUUID(), ...concreteOf(body) }
  ok('a receipt', await client.send<ReceiptView>(`/v1/grants/${grant.grantId}/redeem`, { token, body: redemption }))
  const report = { grantId: grant.grantId, executionId: randomUUID(), outcome: 'succeeded' }
  ok('a report', await client.send('/v1/executions', { token, body: report }))
  return verdictMs
}

export type HumanCycles = Throughput & { readonly verdictP50Ms: number; readonly verdictP99Ms: number }

/** Whole human cycles per second, and how soon a yes approves; a card goes to the demo Slack for each of them. */
export const measureHumanCycles = async (load: Load, workers: number): Promise<HumanCycles> => {
  const { running } = load
  const client = httpClient(running.baseUrl, workers)
  try {
    await forSeconds(Math.min(6, load.seconds), workers, async () => void (await humanCycle(client, running)))
    const taken: number[] = []
    const throughput = await measured(load, workers, async () => void taken.push(await humanCycle(client, running)))
    const sorted = taken.toSorted((a, b) => a - b)
    const at = (share: number): number => round(percentile(sorted, share))
    return { ...throughput, verdictP50Ms: at(0.5), verdictP99Ms: at(0.99) }
  } finally {
    client.close()
  }
}
