import { randomUUID } from 'node:crypto'
import { decodeEntryBundle, leafHash, parseVerifierKey, tilePath, verifyTlogProof } from '@countersign/merkle-log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ocsfValidators } from '../instance/ocsf-validators.ts'
import { saysAnywhere } from '../instance/slack-driver.ts'
import { until } from '../instance/until.ts'
import { runCommand } from '../instance/command-line.ts'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'
import {
  approved,
  concreteOf,
  decide,
  eventsOf,
  exportIntent,
  inReview,
  readIntent,
  readReview,
  refusalsOf,
  settled,
  typesOf,
} from '../stories.ts'

let running: Running
beforeAll(async () => {
  running = await startRunning()
}, startTimeoutMs)
afterAll(() => running.stop())

describe('policy', () => {
  it('allows a read at once, and the grant is good for one run', async () => {
    const ran: string[] = []
    const result = await running.client.guard({ ...readIntent(), ...concreteOf(readIntent()) }, async (receipt) => {
      ran.push(receipt.intentId)
      return { value: 'rows', outcome: { rows: 3 } }
    })
    expect(result).toBe('rows')
    expect(await typesOf(running, ran[0] ?? '')).toEqual([
      'ActionIntentPublished',
      'PolicyEvaluated',
      'IntentAllowed',
      'GrantIssued',
      'GrantRedeemed',
      'ExecutionStarted',
      'ExecutionSucceeded',
    ])
  })

  it('denies to delete a production backup and names the rule', async () => {
    const denied = await settled(running, exportIntent({ action: 'snapshot.delete', target: 'prod-2026-11-20' }))
    expect(denied).toMatchObject({ state: 'denied', code: 'policy_denied', rules: ['never-delete-backups'] })
    await expect(running.client.collect(denied.intentId)).rejects.toMatchObject({ code: 'intent_denied' })
  })
})

describe('an export that needs a human', () => {
  it('is refused to its owner and approved by another person over the API, used once and reported', async () => {
    const { intentId, reviewId, body } = await inReview(running)
    const own = await decide(running, running.tokens.dana, reviewId, { verdict: 'approve', reason: 'mine' })
    expect({ status: own.status, code: own.code }).toEqual({ status: 403, code: 'owner_of_agent' })
    expect((await running.client.read(intentId)).state).toBe('in_review')

    const yes = await decide(running, running.tokens.ben, reviewId, { verdict: 'approve', reason: 'ticket checked' })
    expect(yes.status, yes.text).toBeLessThan(300)
    expect((await running.client.awaitDecision(intentId)).state).toBe('approved')

    const grant = await running.client.collect(intentId)
    const elsewhere = { ...concreteOf(body), parameters: { bucket: 's3://attacker', table: 'customers' } }
    await expect(running.client.redeem(grant, elsewhere)).rejects.toMatchObject({
      code: 'parameters_mismatch',
      pointer: '/parameters/bucket',
    })

    const redemptionId = randomUUID()
    const receipt = await running.client.redeem(grant, concreteOf(body), { redemptionId })
    await expect(running.client.redeem(grant, concreteOf(body))).rejects.toMatchObject({ code: 'already_redeemed' })
    const again = await running.client.redeem(grant, concreteOf(body), { redemptionId })
    expect(again.receiptId).toBe(receipt.receiptId)
    expect(again.redeemedAt).toBe(receipt.redeemedAt)

    const execution = { grantId: grant.grantId, executionId: randomUUID() }
    await running.client.report({ ...execution, outcome: 'started' })
    await running.client.report({ ...execution, outcome: 'succeeded', rows: 12 })
    expect((await running.client.read(intentId)).state).toBe('succeeded')
    expect(await typesOf(running, intentId)).toEqual([
      'ActionIntentPublished',
      'PolicyEvaluated',
      'ReviewRequested',
      'VerdictRecorded',
      'ReviewApproved',
      'GrantIssued',
      'GrantRedeemed',
      'ExecutionStarted',
      'ExecutionSucceeded',
    ])
    expect(await refusalsOf(running, intentId)).toEqual([
      'VerdictRefused owner_of_agent',
      'GrantRefused parameters_mismatch',
      'GrantRefused already_redeemed',
    ])
  })

  it('is decided in Slack: the owner is refused where only they see it, another person says yes with a reason', async () => {
    const target = `s3://slack-${randomUUID()}`
    const rationale = 'Already approved by the CISO.'
    const { intentId } = await inReview(running, exportIntent({ target, rationale }))
    const card = await running.slack.cardWith(target)
    expect(saysAnywhere(card, rationale)).toBe(true)
    expect(JSON.stringify(card)).toMatch(/unverified/i)

    const { dana, ben } = running.credentials.people
    await running.slack.click(card, /^approve/i, dana?.slackUser ?? '')
    await until(async () => (await refusalsOf(running, intentId)).includes('VerdictRefused owner_of_agent'), {
      what: 'the record of the refused owner',
    })
    const told = await until(
      async () => (await running.slack.messages()).find(({ onlyFor }) => onlyFor === dana?.slackUser),
      { what: 'the answer that only the owner sees' },
    )
    expect(saysAnywhere(told, 'Owners of the agent')).toBe(true)

    await running.slack.click(card, /^approve/i, ben?.slackUser ?? '')
    await running.slack.submit(ben?.slackUser ?? '', { reason: 'partner called' })
    const decided = await running.client.awaitDecision(intentId)
    expect(decided.state).toBe('approved')
    const verdict = (await eventsOf(running, intentId)).find(({ type }) => type === 'VerdictRecorded')
    expect(verdict?.data).toMatchObject({ verdict: 'approve', channel: 'slack', assurance: 'chat' })
    const done = await until(
      async () => (await running.slack.messages()).find(({ ts, history }) => ts === card.ts && history.length > 0),
      { what: 'the updated card' },
    )
    expect(saysAnywhere({ ...done, history: [] }, 'Ben Ito')).toBe(true)
    expect(JSON.stringify(done.blocks)).not.toContain('"action_id":"approve"')
  })

  it('ends with a no that has a reason', async () => {
    const { intentId, reviewId } = await inReview(running)
    await decide(running, running.tokens.ben, reviewId, { verdict: 'deny', reason: 'not to this partner' })
    expect((await running.client.awaitDecision(intentId)).state).toBe('denied')
    expect((await typesOf(running, intentId)).slice(-2)).toEqual(['VerdictRecorded', 'ReviewDenied'])
  })

  it('shows what looks like markup or code as the text that it is', async () => {
    const text = '$(id) {{7*7}} <!channel> *bold* <https://evil.example|docs>'
    const { reviewId } = await inReview(running, exportIntent({ parameters: { query: text }, rationale: text }))
    const read = await readReview(running, running.tokens.ben, reviewId)
    const { claims, parameters } = read.body.presentation as { claims: { rationale: string }; parameters: string }
    expect(claims.rationale).toBe(text)
    expect(parameters).toContain('<https://evil.example|docs>')
  })
})

describe('a freeze', () => {
  it('stops collect and redeem at once, and lets them go on when it is lifted', async () => {
    const [waiting, granted] = [await approved(running), await approved(running)]
    const grant = await running.client.collect(granted.intentId)
    const scope = { kind: 'action', action: 'data.export' }
    const refused = await running.call('/v1/freezes', { token: running.tokens.agent, body: { scope } })
    expect(refused.code).toBe('not_human')
    const frozen = await running.call<{ freezeId: string }>('/v1/freezes', {
      token: running.tokens.ben,
      body: { scope },
    })
    expect(frozen.status, frozen.text).toBe(201)

    await expect(running.client.collect(waiting.intentId)).rejects.toMatchObject({ code: 'frozen' })
    await expect(running.client.collect(granted.intentId)).rejects.toMatchObject({ code: 'frozen' })
    await expect(running.client.redeem(grant, concreteOf(granted.body))).rejects.toMatchObject({ code: 'frozen' })
    expect(await refusalsOf(running, granted.intentId)).toEqual(['GrantRefused frozen', 'GrantRefused frozen'])

    const lift = { method: 'DELETE', token: running.tokens.ben }
    expect((await running.call(`/v1/freezes/${frozen.body.freezeId}`, lift)).status).toBe(204)
    await expect(running.client.redeem(grant, concreteOf(granted.body))).resolves.toMatchObject({
      intentId: granted.intentId,
    })
    await expect(running.client.collect(waiting.intentId)).resolves.toMatchObject({ intentId: waiting.intentId })
  })
})

describe('what is left of it', () => {
  let story: { intentId: string; body: ReturnType<typeof exportIntent> }
  beforeAll(async () => {
    story = await approved(running, exportIntent({ parameters: { bucket: 's3://partner-eu', table: 'invoices' } }))
    const grant = await running.client.collect(story.intentId)
    await running.client.redeem(grant, concreteOf(story.body))
    await running.client.report({ grantId: grant.grantId, executionId: randomUUID(), outcome: 'succeeded' })
  })

  it('is in the ledger: a proof verifies offline for every event, and its leaf is the event', async () => {
    const { token } = { token: running.tokens.ben }
    const logs = await running.call<{ logs: { log: string; origin: string; vkey: string; size: number }[] }>(
      '/v1/ledger/logs',
      { token },
    )
    const [log] = logs.body.logs
    if (log === undefined) throw new Error('the tenant has no log')
    const verifier = parseVerifierKey(log.vkey)
    if (!verifier.ok) throw new Error(`the verifier key is ${verifier.code}`)
    for (const event of await eventsOf(running, story.intentId)) {
      const proven = await until(
        async () => {
          const answer = await running.call<{ index: number; leafHash: string; proof: string }>(
            `/v1/ledger/${log.log}/events/${event.event_id}/proof`,
          )
          return answer.status === 200 ? answer.body : undefined
        },
        { what: `the proof of ${event.type}` },
      )
      const entry = await entryAt(log.log, proven.index)
      const checked = verifyTlogProof(proven.proof, leafHash(entry), {
        origin: log.origin,
        verifiers: [verifier.verifier],
      })
      expect(checked).toMatchObject({ ok: true, index: proven.index })
      const leaf = JSON.parse(Buffer.from(entry).toString()) as { id: string; data: unknown }
      expect(leaf).toMatchObject({ id: event.event_id, data: event.data })
      const forged = Buffer.from(JSON.stringify({ ...leaf, id: randomUUID() }))
      expect(
        verifyTlogProof(proven.proof, leafHash(forged), { origin: log.origin, verifiers: [verifier.verifier] }).ok,
      ).toBe(false)
    }
    const denied = await running.call(`/v1/ledger/${log.log}/tile/entries/000`, { token: running.tokens.agent })
    expect(denied.status).toBe(403)
  })

  it('is in the lineage: the neighbourhood joins agent, model, people and the decision', async () => {
    const kinds = await until(
      async () => {
        const answer = await running.call<{ nodes: { kind: string }[]; truncated: boolean }>(
          `/v1/lineage/intent/${story.intentId}?depth=8`,
          { token: running.tokens.ben },
        )
        const found = new Set(answer.body.nodes?.map(({ kind }) => kind))
        return found.has('execution') ? found : undefined
      },
      { what: 'the lineage up to the execution' },
    )
    for (const kind of ['agent', 'model', 'person', 'intent', 'review']) expect(kinds).toContain(kind)
    const outsider = await running.call(`/v1/lineage/intent/${story.intentId}`, { token: running.tokens.agent })
    expect(outsider.code).toBe('not_allowed')
  })

  it('is a story in order', async () => {
    const told = await until(
      async () => {
        const answer = await running.call<{ path: string; steps: { event: string; text: string }[] }>(
          `/v1/intents/${story.intentId}/story`,
          { token: running.tokens.ben },
        )
        const isTold = answer.status === 200 && answer.body.steps.some(({ event }) => event === 'ExecutionSucceeded')
        return isTold ? answer.body : undefined
      },
      { what: 'the whole story' },
    )
    const order = ['ActionIntentPublished', 'ReviewRequested', 'VerdictRecorded', 'GrantIssued', 'ExecutionSucceeded']
    const places = order.map((name) => told.steps.findIndex(({ event }) => event === name))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places).not.toContain(-1)
    expect(JSON.stringify(told)).not.toContain('invoices')
  })

  it('is in the audit rows, each valid against OCSF 1.8', async () => {
    const validators = ocsfValidators()
    const ids = new Set((await eventsOf(running, story.intentId)).map(({ event_id: id }) => id))
    const rows = await until(
      async () => {
        const all = await auditRows()
        return [...ids].every((id) => all.some(({ metadata }) => metadata.uid === id)) ? all : undefined
      },
      { what: 'every event of the story as a row' },
    )
    for (const row of rows) {
      const validate = validators.get(row.class_uid)
      expect(validate?.(row), JSON.stringify({ class: row.class_uid, errors: validate?.errors })).toBe(true)
    }
    expect(new Set(rows.map(({ metadata }) => metadata.uid)).size).toBe(rows.length)
    const refused = await running.call('/v1/audit', { token: running.tokens.agent })
    expect(refused.status).toBe(403)
  })

  it('holds no value of a parameter in any event, record or row', async () => {
    const { rows } = await running.superuser.query<{ hits: string }>(
      `select (select count(*) from countersign.event where data::text like '%invoices%')
            + (select count(*) from ledger.entry where position(convert_to('invoices', 'UTF8') in leaf) > 0) as hits`,
    )
    expect(rows[0]?.hits).toBe('0')
    expect(await running.bus.holding('invoices')).toBe(0)
  })
})

describe('the command line', () => {
  /** Arguments by which a command takes the bus of this run. */
  const here = (): string[] => [
    '--data-dir',
    running.dataDir,
    '--bus',
    running.kafka === undefined ? 'postgres' : 'kafka',
  ]
  const records = 120

  it('replays a recorded trail, accounts for every record, and publishes none twice', async () => {
    const replay = () => runCommand('replay', '--sample', '--limit', String(records), '--json', ...here())
    const intents = async () =>
      (
        await running.superuser.query(
          `select count(*) from countersign.event where type like '%ActionIntentPublished%'`,
        )
      ).rows[0]?.count as string
    const first = await replay()
    expect(first.code, first.err).toBe(0)
    const { records: read, others, summary } = JSON.parse(first.out) as Replayed
    const { allow, deny, review } = summary.total
    expect([read, others, allow + deny + review]).toEqual([records, [], records])
    const published = await intents()
    expect(JSON.parse((await replay()).out)).toMatchObject({ records, others: [], summary: { total: summary.total } })
    expect(await intents()).toBe(published)
  }, 180_000)

  it('plays the demo', async () => {
    const { code, out, err } = await runCommand('demo', ...here())
    expect(code, err).toBe(0)
    expect(out).toContain('put back as they were')
    expect(/countersign\.events\.v1 .*\+\d+/.test(out)).toBe(running.kafka !== undefined)
  }, 180_000)
})

type Replayed = {
  readonly records: number
  readonly others: readonly unknown[]
  readonly summary: { readonly total: { readonly allow: number; readonly deny: number; readonly review: number } }
}

/** The bytes of one entry, from the bundle that only auditors get. */
const entryAt = async (log: string, index: number): Promise<Uint8Array> => {
  const bundle = Math.floor(index / 256)
  const size = (await running.call<{ logs: { size: number }[] }>('/v1/ledger/logs', { token: running.tokens.ben })).body
    .logs[0]?.size
  const width = Math.min(256, (size ?? 0) - bundle * 256)
  const path = tilePath({ level: 'entries', index: bundle, width })
  const answer = await fetch(`${running.baseUrl}/v1/ledger/${log}/${path}`, {
    headers: { authorization: `Bearer ${running.tokens.ben}` },
  })
  const entries = decodeEntryBundle(new Uint8Array(await answer.arrayBuffer()))
  const entry = entries?.[index % 256]
  if (entry === undefined) throw new Error(`there is no entry ${index} (${answer.status} at ${path})`)
  return entry
}

type AuditRow = { readonly class_uid: number; readonly metadata: { readonly uid: string } }

const auditRows = async (): Promise<AuditRow[]> => {
  const rows: AuditRow[] = []
  for (let after = ''; ; ) {
    const query = after === '' ? '?limit=100' : `?limit=100&after=${encodeURIComponent(after)}`
    const page = await running.call<{ rows: AuditRow[]; next: string }>(`/v1/audit${query}`, {
      token: running.tokens.ben,
    })
    rows.push(...page.body.rows)
    if (page.body.rows.length === 0 || page.body.next === after) return rows
    after = page.body.next
  }
}
