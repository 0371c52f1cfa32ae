import { randomUUID } from 'node:crypto'
import { execFile } from 'node:child_process'
import { chown, cp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type GrantView, topics } from '@countersign/contracts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Answer } from '../instance/call.ts'
import { until } from '../instance/until.ts'
import { type Running, startRunning } from '../running.ts'
import { concreteOf, readIntent, settled, typesOf } from '../stories.ts'

const testMs = 300_000
const commandLine = fileURLToPath(new URL('../../../apps/cli/bin/countersign.js', import.meta.url))

let running: Running
beforeAll(async () => {
  running = await startRunning()
}, 120_000)
afterAll(() => running.stop())

const collect = (intentId: string): Promise<Answer<GrantView>> =>
  running.call<GrantView>(`/v1/intents/${intentId}/grant`, { token: running.tokens.agent, body: {} })
const redeem = ({ grantId, token }: GrantView): Promise<Answer> =>
  running.call(`/v1/grants/${grantId}/redeem`, {
    token: running.tokens.agent,
    body: { token, redemptionId: randomUUID(), ...concreteOf(readIntent()) },
  })
const publish = (): Promise<Answer> =>
  running.call('/v1/intents', {
    token: running.tokens.agent,
    body: readIntent(),
    headers: { 'idempotency-key': randomUUID() },
  })
const granted = async (): Promise<GrantView> => {
  const { intentId } = await settled(running, readIntent())
  const { status, body, text } = await collect(intentId)
  if (status !== 200) throw new Error(`no grant: ${text}`)
  return body
}

type Doubts = Record<string, string | undefined>
/** What each service says about the store, by its name. */
const doubts = async (): Promise<Doubts> => {
  type Report = { readonly checks: readonly { readonly name: string; readonly code?: string }[] }
  const { body } = await running.call<{ services: Record<string, Report> }>('/readyz')
  return Object.fromEntries(
    Object.entries(body.services).flatMap(([name, { checks }]) => {
      const check = checks.find((one) => one.name === 'store_mark')
      return check === undefined ? [] : [[name, check.code] as const]
    }),
  )
}
const guarded = (code: string | undefined): Doubts => ({ intake: code, policy: code, notifier: code, relay: code })

/** Everything that would show if something were recorded or published. */
const traces = async () => {
  const { rows } = await running.superuser.query(
    `select (select count(*) from countersign.event) as events, (select count(*) from bus.log) as records,
       (select (incarnation, xid, position)::text from relay.lease) as published`,
  )
  return rows[0] as Record<'events' | 'records' | 'published', string>
}
const allPublished = (): Promise<true> =>
  until(
    async () => {
      const { rows } = await running.superuser.query<{ left: string }>(
        `select count(*) as left from countersign.event e, relay.lease r
         where (e.incarnation, e.xid, e.position) > (r.incarnation, r.xid, r.position)`,
      )
      return rows[0]?.left === '0' || undefined
    },
    { what: 'the relay' },
  )

const asAuditor = () => ({ token: running.tokens.ben })
/** Why the ledger does not sign a log, if anything. */
const signing = async (): Promise<string | undefined> => {
  type Report = { readonly checks: readonly { readonly name: string; readonly code?: string }[] }
  const { body } = await running.call<{ services: Record<string, Report> }>('/readyz')
  return body.services['ledger']?.checks.find(({ name }) => name === 'publish_checkpoint')?.code
}

type SignedLog = {
  readonly log: string
  readonly origin: string
  readonly vkey: string
  readonly size: number
  readonly note: string
}
/** The log once everything that is recorded now is in a checkpoint. */
const signedLog = async (): Promise<SignedLog> => {
  const { rows } = await running.superuser.query<{ events: string }>(
    'select count(*) as events from countersign.event where tenant_id = $1',
    [running.tenantId],
  )
  return until(
    async () => {
      const { body } = await running.call<{ logs: Omit<SignedLog, 'note'>[] }>('/v1/ledger/logs', asAuditor())
      const [own] = body.logs
      if (own === undefined || own.size < Number(rows[0]?.events)) return undefined
      const { text: note } = await running.call(`/v1/ledger/${own.log}/checkpoint`)
      return note.startsWith(`${own.origin}\n${own.size}\n`) ? { ...own, note } : undefined
    },
    { what: 'a checkpoint' },
  )
}
/** The ledger's answer about an event of an intent. */
const proofOf = async (intentId: string, type: string): Promise<string> => {
  const { rows } = await running.superuser.query<{ event_id: string; log_id: string }>(
    `select v.event_id, l.log_id from countersign.event v join ledger.log l using (tenant_id)
     where v.stream_id = $1 and v.type like '%.' || $2 || '.v1'`,
    [intentId, type],
  )
  return (await running.call(`/v1/ledger/${rows[0]?.log_id}/events/${rows[0]?.event_id}/proof`)).text
}
const leafAt = async (log: string, index: number): Promise<string> => {
  const { rows } = await running.superuser.query<{ leaf: string }>(
    `select convert_from(leaf, 'UTF8') as leaf from ledger.entry where log_id = $1 and idx = $2`,
    [log, index],
  )
  return rows[0]?.leaf ?? ''
}
const saved = async (folder: string, name: string, content: string): Promise<string> => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

/** Copies a folder of a stopped server; the server's account keeps what is its own. */
const copied = async (from: string, to: string): Promise<void> => {
  await cp(from, to, { recursive: true, preserveTimestamps: true })
  if (process.getuid?.() !== 0) return
  for (const name of ['', ...(await readdir(from, { recursive: true }))]) {
    const { uid, gid } = await stat(join(from, name))
    await chown(join(to, name), uid, gid)
  }
}

const countersign = (...words: string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' } }
    const all = [commandLine, ...words, '--data-dir', running.dataDir]
    execFile(process.execPath, all, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` })
    })
  })

/**
 * What `countersign verify --store` says of a log that went on under another name to whoever kept a checkpoint from before, and
 * the key of then. The name of now is not in their hands.
 */
const checksStoreByItsFormerName = async ({
  kept,
  published,
  now,
}: Record<'kept' | 'published' | 'now', SignedLog>) => {
  const checks = async ({ note, vkey }: Pick<SignedLog, 'note' | 'vkey'>, ...more: string[]) => {
    const path = await saved(running.dataDir, 'saved.txt', note)
    return countersign('verify', '--store', '--checkpoint', path, '--vkey', vkey, ...more)
  }
  const held = await checks(kept)
  expect(held).toMatchObject({ code: 0, output: expect.stringContaining(`VERIFIED  log ${now.log}`) })
  expect(held.output).toContain(`against your checkpoint of size ${kept.size.toLocaleString('en')}`)

  const lost = await checks(published)
  expect(lost).toMatchObject({ code: 30, output: expect.stringContaining(`DIVERGED  log ${now.log}`) })
  expect(lost.output).toContain(`index ${kept.size} to ${published.size - 1}: lost with a restored database; entry `)
  const { output } = await checks(published, '--json')
  const [report] = JSON.parse(output) as { exitCode: number; findings: { index: number }[] }[]
  const finding = { code: 'entries_lost', from: kept.size, size: published.size, index: expect.any(Number) }
  expect(report).toMatchObject({ verdict: 'diverged', findings: [finding], totalFindings: 1 })
  const act = report?.findings[0]?.index ?? -1
  expect(lost.output).toContain(`entry ${act} says who went on without them`)
  expect(await leafAt(now.log, act)).toContain(`"former":{"origin":"${published.origin}"`)

  // The key of one name vouches for nothing under the other.
  expect(await checks({ note: published.note, vkey: now.vkey })).toMatchObject({ code: 40 })
  expect(await checks({ note: now.note, vkey: published.vkey })).toMatchObject({ code: 40 })
  const stranger = await checks({ note: kept.note, vkey: kept.vkey.replace('/log/', '/another/') })
  expect(stranger.code).toBeGreaterThanOrEqual(30)
}

it('an older database serves only reads until it is adopted, and no grant from before is good for anything', {
  timeout: testMs,
}, async () => {
  const data = join(running.dataDir, 'postgres')
  const backup = join(running.dataDir, 'backup')
  const [used, open] = [await granted(), await granted()]
  const { intentId: uncollected } = await settled(running, readIntent())
  await allPublished()
  const kept = await signedLog()
  await running.halt()
  await copied(data, backup)
  await running.resume()
  expect(await doubts()).toEqual(guarded(undefined))
  expect((await redeem(used)).status).toBe(200)
  await allPublished()
  const published = await signedLog()
  const lost = await proofOf(used.intentId, 'GrantRedeemed')
  await running.halt()
  await rm(data, { recursive: true })
  await copied(backup, data)
  await running.resume()

  expect(await doubts()).toEqual(guarded('store_behind_mark'))
  const before = await traces()
  const denied = [await publish(), await redeem(used), await redeem(open), await collect(uncollected)]
  expect(denied.map(({ status, code }) => `${status} ${code}`)).toEqual(denied.map(() => '503 store_not_adopted'))
  expect((await running.client.read(used.intentId)).state).toBe('granted')
  await until(async () => (await signing()) === 'rolled_back' || undefined, { what: 'the look at the log' })
  const early = await countersign('store', 'continue-logs', '--as', 'ben', '--reason', 'too early', '--yes')
  expect(early.output).toContain('store_not_adopted')
  const looked = await countersign('store', 'adopt', '--as', 'ben', '--reason', 'restored the backup')
  expect(looked.code).toBe(3)
  expect(looked.output).toContain('store_behind_mark')
  expect(looked.output).toMatch(/missing {7}at most [1-9][0-9]* published events/)
  expect((await countersign('store', '--as', 'dana')).output).toContain('not_allowed')
  expect(await traces()).toEqual(before)

  const adopted = await countersign('store', 'adopt', '--as', 'ben', '--reason', 'restored the backup', '--yes')
  expect(adopted).toMatchObject({ code: 0, output: expect.stringContaining('incarnation 2 after 1, 2 grants revoked') })
  await until(async () => Object.values(await doubts()).every((code) => code === undefined), { what: 'trust' })
  expect((await redeem(used)).code).toBe('grant_revoked')
  expect((await redeem(open)).code).toBe('grant_revoked')
  expect((await collect(uncollected)).code).toBe('intent_outdated')
  expect(await typesOf(running, used.intentId)).not.toContain('GrantRedeemed')
  expect((await redeem(await granted())).status).toBe(200)
  await allPublished()
  expect((await traces()).published).toMatch(/^\(2,/)
  expect((await countersign('store', '--as', 'ben')).code).toBe(0)

  // The log went another way than what was published, and is signed again only under another name.
  expect(await signing()).toMatch(/^(rolled_back|rewritten)$/)
  const file = (name: string, content: string) => saved(running.dataDir, name, content)
  const shown = await countersign('store', 'continue-logs', '--as', 'ben', '--reason', 'restored the backup')
  expect(shown).toMatchObject({ code: 3, output: expect.stringContaining(`${published.size} entries were published`) })
  const because = ['--reason', 'restored the backup', '--yes']
  expect((await countersign('store', 'continue-logs', '--as', 'dana', ...because)).output).toContain('not_allowed')
  const goesOn = await countersign('store', 'continue-logs', '--as', 'ben', ...because)
  expect(goesOn).toMatchObject({
    code: 0,
    output: expect.stringContaining(`${published.origin} as ${published.origin}/2`),
  })
  const now = await signedLog()
  expect(now.origin).toBe(`${published.origin}/2`)
  expect(await signing()).toBeUndefined()
  expect((await countersign('store', 'continue-logs', '--as', 'ben', ...because)).output).toContain('no log can go on')

  const { rows } = await until(
    async () => {
      const read = await running.superuser.query<{ row: { unmapped: object; metadata: { log_name: string } } }>(
        `select convert_from(value, 'UTF8')::json as row from bus.log
         where topic = $1 and convert_from(value, 'UTF8') like '%log.continue%'`,
        [topics.audit],
      )
      return read.rowCount === 0 ? undefined : read
    },
    { what: 'the row of the continuation' },
  )
  expect(rows[0]?.row).toMatchObject({
    metadata: { log_name: now.origin },
    unmapped: { former_log_name: published.origin, former_size: published.size, kept_size: kept.size },
  })

  const path = `/v1/ledger/${now.log}`
  const continued = await file('continued.json', (await running.call(`${path}/continuations`, asAuditor())).text)
  const checkpoint = await file('now.txt', now.note)
  const key = ['--vkey', now.vkey]
  expect(await countersign('verify', '--store', '--checkpoint', checkpoint, ...key)).toMatchObject({ code: 0 })
  await checksStoreByItsFormerName({ kept, published, now })
  const proof = await file('lost.json', lost)
  const told = await countersign('verify', '--proof', proof, '--continued', continued, ...key)
  expect(told).toMatchObject({ code: 30, output: expect.stringContaining('LOST  entry') })
  const earlier = await file('before.txt', kept.note)
  const growth = await running.call(`${path}/consistency?from=${kept.size}&to=${now.size}`)
  const consistency = await file('growth.json', growth.text)
  const grown = ['verify', '--known', earlier, '--checkpoint', checkpoint, '--consistency', consistency]
  const whole = await countersign(...grown, '--continued', continued, ...key)
  expect(whole).toMatchObject({ code: 0, output: expect.stringContaining('VERIFIED  the log only grew') })
  const after = await file('after.txt', published.note)
  const cut = await countersign(
    'verify',
    '--known',
    after,
    '--checkpoint',
    checkpoint,
    '--continued',
    continued,
    ...key,
  )
  expect(cut).toMatchObject({
    code: 30,
    output: expect.stringContaining(`LOST  entries ${kept.size} to ${published.size - 1}`),
  })
})
