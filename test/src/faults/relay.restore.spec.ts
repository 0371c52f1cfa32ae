import { randomUUID } from 'node:crypto'
import { execFile } from 'node:child_process'
import { chown, cp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GrantView } from '@countersign/contracts'
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

it('an older database serves only reads until it is adopted, and no grant from before is good for anything', {
  timeout: testMs,
}, async () => {
  const data = join(running.dataDir, 'postgres')
  const backup = join(running.dataDir, 'backup')
  const [used, open] = [await granted(), await granted()]
  const { intentId: uncollected } = await settled(running, readIntent())
  await allPublished()
  await running.halt()
  await copied(data, backup)
  await running.resume()
  expect(await doubts()).toEqual(guarded(undefined))
  expect((await redeem(used)).status).toBe(200)
  await allPublished()
  await running.halt()
  await rm(data, { recursive: true })
  await copied(backup, data)
  await running.resume()

  expect(await doubts()).toEqual(guarded('store_behind_mark'))
  const before = await traces()
  const denied = [await publish(), await redeem(used), await redeem(open), await collect(uncollected)]
  expect(denied.map(({ status, code }) => `${status} ${code}`)).toEqual(denied.map(() => '503 store_not_adopted'))
  expect((await running.client.read(used.intentId)).state).toBe('granted')
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
})
