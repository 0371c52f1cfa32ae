import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { IntentView, PublishIntentBody } from '@countersign/contracts'
import { count, plural } from '../print/words.ts'
import { seatsOf } from '../print/intent.ts'
import { expectSame, type DemoWorld } from './demo-world.ts'

export const model = { name: 'm-4' } as const
const environment = 'production'

/** What the agent asks a human for; exactly this is approved and run. */
export const customerExport = {
  action: 'data.export',
  target: 'customers -> s3://partner-eu',
  environment,
  parameters: { table: 'customers', bucket: 's3://partner-eu', format: 'parquet' },
} as const
export const swappedTarget = 'customers -> s3://partner-eu-backup'
export const rationale = 'partner asked for a refresh'
export const rows = 12_400

type Asked = { readonly intent: IntentView; readonly ms: number }

/** Publishes as the agent and waits until policy has answered. */
const ask = async (
  { client, callAsAgent, agent, signal, reached }: DemoWorld,
  body: Omit<PublishIntentBody, 'agent' | 'environment'>,
  headers: Record<string, string> = {},
): Promise<Asked> => {
  const began = performance.now()
  const published = await callAsAgent<IntentView>('/v1/intents', {
    method: 'POST',
    body: { agent: { name: agent, model }, environment, ...body },
    headers: { 'idempotency-key': randomUUID(), ...headers },
    signal,
  })
  reached.intentId = published.intentId
  // A long poll would also wait for the human.
  for (let intent = published; ; intent = await client.read(published.intentId, 0, signal)) {
    if (intent.state !== 'published') return { intent, ms: performance.now() - began }
    await delay(5, undefined, { signal })
  }
}

/** A read, which is allowed at once. */
export const askToRead = async (world: DemoWorld): Promise<IntentView> => {
  const query = 'SELECT count(*) FROM orders'
  const { intent, ms } = await ask(world, { action: 'data.read', target: 'orders', parameters: { query } })
  expectSame('1 read', 'allowed', intent.state)
  expectSame('1 read', 'reads-are-free', intent.rules.join(' '))
  world.say({ label: '1 read', what: query, outcome: 'ALLOWED', ms, reason: intent.rules.join(', ') })
  return intent
}

/** Deleting a production snapshot, which nobody can allow. */
export const askToDelete = async (world: DemoWorld): Promise<IntentView> => {
  const target = 'prod-2026-11-20'
  const rule = world.fault === 'wrong-rule' ? 'never-delete-anything' : 'never-delete-backups'
  const { intent, ms } = await ask(world, { action: 'snapshot.delete', target, parameters: { snapshot: target } })
  expectSame('2 delete', 'denied', intent.state)
  expectSame('2 delete', rule, intent.rules.join(' '))
  world.say({
    label: '2 delete',
    what: `snapshot ${target}`,
    outcome: 'DENIED',
    ms,
    reason: `${intent.rules.join(', ')} (${intent.code ?? ''}, no override)`,
  })
  return intent
}

/** Exporting customers, which waits for a human. The trace that it starts is the one that `--trace` prints. */
export const askToExport = async (world: DemoWorld): Promise<{ intent: IntentView; traceId: string }> => {
  const traceId = randomBytes(16).toString('hex')
  const { action, target, parameters } = customerExport
  const impact = { rows, dataClasses: ['personal data'] }
  const { intent, ms } = await ask(
    world,
    { action, target, parameters, rationale, impact },
    { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
  )
  expectSame('3 export', 'in_review', intent.state)
  const seats = (intent.review?.seats ?? []).reduce((sum, seat) => sum + seat.count, 0)
  world.say({
    label: '3 export',
    what: 'customers → s3://partner-eu',
    outcome: 'WAITING',
    ms,
    reason: `${count(rows)} rows claimed, personal data · ${seatsOf(intent)} (${plural(seats, 'approval')} wanted)`,
  })
  return { intent, traceId }
}
