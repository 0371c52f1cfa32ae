import { randomUUID } from 'node:crypto'
import type { PublishIntentBody } from '@countersign/contracts'
import { expect } from 'vitest'
import { until } from '../instance/until.ts'
import type { Running } from '../running.ts'

/** In every bad value; no answer may hold it. */
export const marker = 'canary7f3aQ9'

export type Refused = { readonly status: number; readonly headers: Headers | object; readonly text: string }

/** What a row of the catalogue says of the answer. */
export type Expected = {
  readonly status: number
  readonly code: string
  /** Exact JSON pointer of the problem, where the row is about one field. */
  readonly pointer?: string
  /** Whether the caller was known when it was refused: then the attempt is on record. */
  readonly recorded: boolean
  /** Attempts that the row makes; 1 if absent. */
  readonly attempts?: number
}

/** An intent as it should be; the target is marked so that an echo of the body shows. */
export const goodIntent = (over: Record<string, unknown> = {}): PublishIntentBody & Record<string, unknown> => ({
  agent: { name: 'etl-bot', model: { name: 'm-4', version: '2026-10' }, session: `session-${marker}` },
  action: 'data.read',
  target: `postgres://warehouse/${marker}`,
  environment: 'production',
  parameters: { table: marker },
  rationale: `weekly report ${marker}`,
  ...over,
})

type Count = { readonly total: number; readonly recorded: number; readonly events: number }

/** How often a code is on record: counted, of those with an event, and the attempts that events stand for. */
const countOf = async ({ superuser }: Running, code: string): Promise<Count> => {
  const { rows } = await superuser.query<Record<keyof Count, string>>(
    `select
       (select coalesce(sum(total), 0) from countersign.refusal_count where code = $1) as total,
       (select coalesce(sum(recorded), 0) from countersign.refusal_count where code = $1) as recorded,
       (select coalesce(sum((data ->> 'count')::int), 0) from countersign.event
        where kind = 'attempts' and data ->> 'code' = $1) as events`,
    [code],
  )
  const [row] = rows
  return { total: Number(row?.total), recorded: Number(row?.recorded), events: Number(row?.events) }
}

/** That the process lives and the next good request is taken. */
const expectHealthy = async (running: Running): Promise<void> => {
  // Looked at again where the machine was busy: a process that is stuck never answers so soon.
  await until(
    async () => {
      const began = performance.now()
      const alive = await running.call('/healthz')
      expect(alive.status, 'the process is alive').toBe(200)
      return performance.now() - began < 1_000
    },
    { what: 'an answer within a second' },
  )
  const next = await running.call('/v1/intents', {
    token: running.tokens.agent,
    body: goodIntent(),
    headers: { 'idempotency-key': randomUUID() },
  })
  expect(next.status, 'the next good request succeeds').toBe(202)
}

/**
 * Sends something bad and holds every answer against the catalogue's common expectation: status and stable code as problem
 * details, nothing of the value in it, the process alive, the next request good, the attempt on record where the caller was
 * known.
 */
export const expectRejection = async (
  running: Running,
  expected: Expected,
  send: () => Promise<Refused | readonly Refused[]>,
): Promise<void> => {
  const before = await countOf(running, expected.code)
  const sent = await send()
  const answers = Array.isArray(sent) ? (sent as Refused[]) : [sent as Refused]
  const { attempts = 1 } = expected
  expect(answers).toHaveLength(attempts)
  for (const answer of answers) {
    const problem = JSON.parse(answer.text || '{}') as { code?: string; status?: number; pointer?: string }
    expect({ status: answer.status, code: problem.code }).toEqual({ status: expected.status, code: expected.code })
    expect(problem.status, 'the problem names its status').toBe(expected.status)
    if (expected.pointer !== undefined) expect(problem.pointer).toBe(expected.pointer)
    const headers = answer.headers instanceof Headers ? Object.fromEntries(answer.headers) : answer.headers
    expect(JSON.stringify({ headers, text: answer.text }), 'nothing of the value comes back').not.toContain(marker)
  }
  await expectHealthy(running)
  if (!expected.recorded) return
  const after = await countOf(running, expected.code)
  expect(after.total - before.total, 'every attempt is counted').toBe(attempts)
  expect(after.events - before.events, 'what is counted as recorded has its event').toBe(
    after.recorded - before.recorded,
  )
}
