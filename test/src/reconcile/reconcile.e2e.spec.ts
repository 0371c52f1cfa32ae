import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { countersign } from '@countersign/client'
import type { PublishIntentBody } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../instance/command-line.ts'
import { until } from '../instance/until.ts'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'
import { concreteOf, decide, readReview } from '../stories.ts'

const recorded = (path: string): string => fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url))
const attacker = 'user/bert-jan'
const producer = 'etl-producer'

let running: Running
beforeAll(async () => {
  running = await startRunning({ bus: 'postgres' })
}, startTimeoutMs)
afterAll(() => running.stop())

type Asked = Pick<PublishIntentBody, 'action' | 'target' | 'parameters'>

/** An agent asks, ben approves, the grant is used and the run reported. Resolves with when the grant was used. */
const ranAsAsked = async (
  agent: string,
  token: string,
  asked: Asked,
): Promise<{ intentId: string; usedAt: number }> => {
  const client = countersign({ baseUrl: running.baseUrl, token: async () => token })
  const body: PublishIntentBody = { agent: { name: agent }, environment: 'production', ...asked }
  const { intentId } = await client.publish(body)
  const reviewId = await until(
    async () => {
      const { review } = await client.read(intentId)
      if (review === undefined) return undefined
      const read = await readReview(running, running.tokens.ben, review.reviewId)
      return read.status === 200 ? review.reviewId : undefined
    },
    { what: `the review of ${asked.action}` },
  )
  const answer = await decide(running, running.tokens.ben, reviewId, { verdict: 'approve', reason: 'checked' })
  if (answer.status >= 300) throw new Error(`the approval was refused: ${answer.text}`)
  const grant = await client.collect(intentId)
  const { redeemedAt } = await client.redeem(grant, concreteOf(body))
  return { intentId, usedAt: Date.parse(redeemedAt) }
}

const reported = async (token: string, intentId: string): Promise<void> => {
  const client = countersign({ baseUrl: running.baseUrl, token: async () => token })
  const { grantId = '' } = await client.read(intentId)
  await client.report({ grantId, executionId: randomUUID(), outcome: 'succeeded' })
}

type Reconciled = {
  readonly matched: number
  readonly calls: number
  readonly quarantined: readonly object[]
  readonly findings: readonly {
    readonly kind: string
    readonly differs?: string
    readonly principal?: string
    readonly call?: { readonly operation: string; readonly target: string; readonly principal: string }
    readonly run?: { readonly intentId: string }
  }[]
}
const reconcile = async (...args: string[]): Promise<{ code: number | null; result: Reconciled }> => {
  const { code, out, err } = await runCommand(
    'reconcile',
    '--as',
    'ben',
    '--json',
    '--data-dir',
    running.dataDir,
    ...args,
  )
  expect(out, err).not.toBe('')
  return { code, result: JSON.parse(out) as Reconciled }
}

type Record = { readonly eventTime: string; readonly eventSource: string; readonly eventName: string }

describe('a recorded CloudTrail, moved to the present', () => {
  let records: Record[]
  /** The first record of an operation whose request names something. */
  const recordOf = (eventName: string, name: string): Record => {
    const found = records.find((record) => record.eventName === eventName && JSON.stringify(record).includes(name))
    if (found === undefined) throw new Error(`the trail has no ${eventName} of ${name}`)
    return found
  }
  const at = (record: Record, ms: number): string =>
    JSON.stringify({ ...record, eventTime: new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z') })

  beforeAll(async () => {
    const bytes = gunzipSync(await readFile(recorded('cloudtrail/stratus-2023-07-10.jsonl.gz')))
    const lines = bytes.toString('utf8').trim().split('\n')
    records = lines.map((line) => JSON.parse(line) as Record)
  })

  it('is told apart: as approved, differently, without approval, never, by nobody registered', async () => {
    const token = await running.mint.token({ sub: producer, client_id: producer })
    const registered = await running.call('/v1/agents', { token, body: { name: attacker, kind: 'agent' } })
    expect(registered.status, registered.text).toBe(200)
    const change = (operation: string, target: string): Asked => ({
      action: 'identity.change',
      target,
      parameters: { service: 'iam', operation, region: 'us-east-1' },
    })
    const role = 'stratus-red-team-ec2-get-password-data-role'
    const profile = 'stratus-red-team-ec2-steal-credentials-instance'
    const asApproved = await ranAsAsked(attacker, token, change('CreateRole', `iam:us-east-1:${role}`))
    const swapped = await ranAsAsked(attacker, token, change('CreateInstanceProfile', 'iam:us-east-1:another-instance'))
    const neverRun = await ranAsAsked(attacker, token, change('CreateRole', 'iam:us-east-1:never-made-role'))
    const [first] = records
    if (first === undefined) throw new Error('the trail is empty')
    const second = 1_000
    const trail = join(running.dataDir, 'trail.jsonl')
    await writeFile(
      trail,
      [
        at(first, asApproved.usedAt - 60 * second),
        at(recordOf('CreateRole', role), asApproved.usedAt + second),
        at(recordOf('CreateInstanceProfile', profile), swapped.usedAt + second),
        at(recordOf('CreateTrail', 'stratus-red-team-ctlr-trail'), swapped.usedAt + second),
        at(first, neverRun.usedAt + 60 * second),
      ].join('\n'),
    )
    for (const { intentId } of [asApproved, swapped, neverRun]) await reported(token, intentId)
    await until(
      async () => {
        const { result } = await reconcile(trail)
        return result.matched + result.findings.filter(({ run }) => run !== undefined).length === 3
      },
      { what: 'the audit rows of the three requests', withinMs: 60_000 },
    )

    const { code, result } = await reconcile(trail)
    expect(code).toBe(30)
    expect(result).toMatchObject({ calls: 5, matched: 1, quarantined: [] })
    const told = result.findings.map(({ kind, differs, principal, call, run }) => [
      kind,
      differs ?? principal ?? call?.operation ?? run?.intentId,
    ])
    expect(told).toEqual([
      ['ran_differently', 'target'],
      ['ran_without_approval', 'cloudtrail:CreateTrail'],
      ['approved_never_run', neverRun.intentId],
      ['unregistered_principal', 'user/benjamin'],
    ])
    expect(result.findings[0]?.run?.intentId).toBe(swapped.intentId)
  }, 180_000)

  it('is all findings against an instance that was asked for nothing of it', async () => {
    const { code, result } = await reconcile(recorded('cloudtrail/stratus-2023-07-10.jsonl.gz'))
    expect(code).toBe(30)
    expect(result.calls).toBe(records.length)
    expect(result.matched).toBe(0)
    const kinds = new Set(result.findings.map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual(['ran_without_approval', 'unregistered_principal'])
  })
})

describe('a recorded log of pgaudit, moved to the present', () => {
  it('has the export that was approved, and what nobody approved or registered', async () => {
    const target = 'postgres://warehouse/public.customers'
    const asked = { action: 'data.export', target, parameters: { table: 'customers' } }
    const { intentId, usedAt } = await ranAsAsked('etl-bot', running.tokens.agent, asked)
    const text = await readFile(recorded('pgaudit/session.csv'), 'utf8')
    const [day, time] = new Date(usedAt + 1_000).toISOString().split(/[TZ]/)
    const log = join(running.dataDir, 'postgresql.csv')
    await writeFile(log, text.replaceAll(/^2026-11-22 07:34:26\.\d+ UTC/gm, `${day ?? ''} ${time ?? ''} UTC`))
    await reported(running.tokens.agent, intentId)
    const { result } = await until(
      async () => {
        const answer = await reconcile('--trail', 'pgaudit', log)
        return answer.result.matched === 1 ? answer : undefined
      },
      { what: 'the export among the audit rows', withinMs: 60_000 },
    )
    const found = (kind: string) => result.findings.filter((finding) => finding.kind === kind)
    expect(found('unregistered_principal')).toMatchObject([{ principal: 'mallory' }])
    expect(found('ran_differently')).toMatchObject([{ differs: 'times', run: { intentId } }])
    const without = found('ran_without_approval').map(({ call }) => `${call?.principal ?? ''} ${call?.operation ?? ''}`)
    expect(without).toContain('mallory DELETE')
    expect(without).toContain('etl-bot DELETE')
    expect(JSON.stringify(result)).not.toContain('insert into')
  }, 120_000)
})

describe('the verdicts of an instance', () => {
  type Stood = {
    readonly verdicts: number
    readonly seats: number
    readonly findings: readonly object[]
    readonly onOneWord: readonly object[]
  }
  const stood = async (): Promise<{ code: number | null; told: Stood }> => {
    const asked = ['reconcile', '--identity', '--as', 'ben', '--json', '--data-dir', running.dataDir]
    const { code, out } = await runCommand(...asked)
    return { code, told: JSON.parse(out) as Stood }
  }

  it('stand against the directory of their moment', async () => {
    const { told: before } = await stood()
    const asked = { action: 'data.export', target: 's3://partner-eu', parameters: { table: 'orders' } }
    await ranAsAsked('etl-bot', running.tokens.agent, asked)
    const { verdicts, seats } = before
    const { code, told } = await until(
      async () => {
        const now = await stood()
        return now.told.verdicts > verdicts ? now : undefined
      },
      { what: 'the verdict among the audit rows', withinMs: 60_000 },
    )
    expect(told).toEqual({ verdicts: verdicts + 1, seats: seats + 1, findings: [], onOneWord: [] })
    expect(code).toBe(0)
  }, 120_000)

  it('are listed where their seat rested on one operator’s word', async () => {
    const { rows } = await running.superuser.query<{ ben: string; dana: string }>(
      `select (select subject_id from countersign.subject where sub = 'ben') as ben,
         (select subject_id from countersign.subject where sub = 'dana') as dana`,
    )
    const { ben = '', dana = '' } = rows[0] ?? {}
    const restsOn = (word: string | null) =>
      running.superuser.query(
        `update countersign.group_member set rests_on = $2 where group_name = 'data-owners' and subject_id = $1`,
        [ben, word],
      )
    await restsOn(dana)
    const asked = { action: 'data.export', target: 's3://partner-eu', parameters: { table: 'refunds' } }
    const { intentId } = await ranAsAsked('etl-bot', running.tokens.agent, asked)
    await restsOn(null)
    const { code, told } = await until(
      async () => {
        const now = await stood()
        return now.told.onOneWord.length > 0 ? now : undefined
      },
      { what: 'the verdict among the audit rows', withinMs: 60_000 },
    )
    expect(told.onOneWord).toMatchObject([{ intentId, person: ben, group: 'data-owners', word: dana }])
    expect([told.findings, code]).toEqual([[], 0])
  }, 120_000)
})
