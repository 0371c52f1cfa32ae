import { randomUUID } from 'node:crypto'
import { openCheckpoint, parseVerifierKey, verifyConsistency } from '@countersign/merkle-log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../instance/until.ts'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'
import {
  approved,
  concreteOf,
  decide,
  exportIntent,
  inReview,
  readIntent,
  type Reviewed,
  refusalsOf,
  settled,
  typesOf,
} from '../stories.ts'

let running: Running
beforeAll(async () => {
  running = await startRunning()
}, startTimeoutMs)
afterAll(() => running.stop())

// Deadlines are at least 30 s away; these leave room for what has to happen before.
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString()
const expiring = (seconds: number): Promise<Reviewed> =>
  inReview(running, exportIntent({ deadline: inSeconds(seconds) }))
const expired = (intentId: string): Promise<unknown> =>
  until(async () => (await typesOf(running, intentId)).includes('IntentExpired'), {
    what: 'the expiry',
    withinMs: 90_000,
  })

const head = async () => {
  const { logs } = (
    await running.call<{ logs: { log: string; origin: string; vkey: string }[] }>('/v1/ledger/logs', {
      token: running.tokens.ben,
    })
  ).body
  const [log] = logs
  if (log === undefined) throw new Error('there is no log')
  const parsed = parseVerifierKey(log.vkey)
  if (!parsed.ok) throw new Error(parsed.code)
  const note = (await running.call(`/v1/ledger/${log.log}/checkpoint`)).text
  const opened = openCheckpoint(note, { origin: log.origin, verifiers: [parsed.verifier] })
  if (!opened.ok) throw new Error(opened.code)
  return { log: log.log, vkey: log.vkey, ...opened.checkpoint }
}

describe('while the bus is stopped and after a restart', () => {
  it('no, withdrawal, revocation, freeze and expiry work, nothing is lost, and everything goes on', async () => {
    const expiresWithoutBus = await expiring(36)
    const [toWithdraw, toDeny, toRedeemLater] = [
      await inReview(running),
      await inReview(running),
      await approved(running),
    ]
    const read = await settled(running, readIntent())
    const toRevoke = await running.client.collect(read.intentId)
    const kept = await running.client.collect(toRedeemLater.intentId)

    await running.bus.stop()
    expect((await running.client.withdraw(toWithdraw.intentId)).state).toBe('withdrawn')
    expect((await running.client.revoke(toRevoke.grantId)).state).toBe('revoked')
    await expect(running.client.redeem(toRevoke, concreteOf(readIntent()))).rejects.toMatchObject({
      code: 'grant_revoked',
    })
    const no = await decide(running, running.tokens.ben, toDeny.reviewId, { verdict: 'deny', reason: 'not now' })
    expect(no.status, no.text).toBeLessThan(300)
    expect((await running.client.read(toDeny.intentId)).state).toBe('denied')
    const frozen = await running.call<{ freezeId: string }>('/v1/freezes', {
      token: running.tokens.ben,
      body: { scope: { kind: 'tenant' } },
    })
    await expect(running.client.redeem(kept, concreteOf(toRedeemLater.body))).rejects.toMatchObject({ code: 'frozen' })
    await running.call(`/v1/freezes/${frozen.body.freezeId}`, { method: 'DELETE', token: running.tokens.ben })
    const publishedMeanwhile = await running.client.publish(readIntent())

    await expired(expiresWithoutBus.intentId)
    await expect(running.client.collect(expiresWithoutBus.intentId)).rejects.toMatchObject({ code: 'intent_expired' })
    const late = await decide(running, running.tokens.ben, expiresWithoutBus.reviewId, { verdict: 'approve' })
    expect(late.status).toBe(409)
    expect(await refusalsOf(running, expiresWithoutBus.intentId)).toEqual([
      'GrantRefused intent_expired',
      `VerdictTooLate ${late.code}`,
    ])

    await running.bus.start()
    const decided = await running.client.awaitDecision(publishedMeanwhile.intentId, { waitMs: 60_000 })
    expect(decided.state, 'what came while the bus was away is decided once it is back').toBe('allowed')

    const expiresWhileDown = await expiring(35)
    const before = await head()
    const counted = async () => (await running.superuser.query('select count(*) from countersign.event')).rows[0]?.count
    const events = await counted()
    await running.halt()
    await until(async () => Date.now() > Date.parse(expiresWhileDown.body.deadline ?? ''), {
      what: 'the deadline',
      withinMs: 60_000,
    })
    await running.resume()

    await expired(expiresWhileDown.intentId)
    expect(Number(await counted())).toBeGreaterThan(Number(events))
    expect((await running.client.read(toWithdraw.intentId)).state).toBe('withdrawn')
    // The token of before signs in, the grant of before is redeemed, under the same keys.
    const receipt = await running.client.redeem(kept, concreteOf(toRedeemLater.body), { redemptionId: randomUUID() })
    expect(receipt.intentId).toBe(toRedeemLater.intentId)
    const after = await until(
      async () => {
        const now = await head()
        return now.size > before.size ? now : undefined
      },
      { what: 'a longer log' },
    )
    expect(after.vkey).toBe(before.vkey)
    const grown = await running.call<{ hashes: string[] }>(
      `/v1/ledger/${after.log}/consistency?from=${before.size}&to=${after.size}`,
    )
    const proof = grown.body.hashes.map((hash) => Buffer.from(hash, 'base64'))
    const claim = { from: before.size, fromRoot: before.root, to: after.size, toRoot: after.root, proof }
    expect(verifyConsistency(claim)).toEqual({ ok: true })
    const fresh = await settled(running, readIntent())
    expect(fresh.state).toBe('allowed')
  }, 600_000)
})
