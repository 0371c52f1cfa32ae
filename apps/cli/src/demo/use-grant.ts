import { randomUUID } from 'node:crypto'
import type { IntentView } from '@countersign/contracts'
import { count, shortDigest } from '../print/words.ts'
import { customerExport, rows, swappedTarget } from './ask-for-actions.ts'
import { expectSame, refusalOf, type DemoWorld } from './demo-world.ts'

/** The agent collects its grant, tries to use it for another bucket, uses it as approved, tries again, and reports. */
export const useGrant = async (world: DemoWorld, { intentId }: IntentView): Promise<void> => {
  const { client, signal, say, fault } = world
  const grant = await client.collect(intentId, signal)

  const swap = 'the agent swaps the bucket and redeems'
  const swapped = { ...customerExport, target: fault === 'no-swap' ? customerExport.target : swappedTarget }
  const swapAt = performance.now()
  const mismatch = await refusalOf(swap, 'target_mismatch', () => client.redeem(grant, swapped, { signal }))
  expectSame(`${swap}: the field is named`, '/target', mismatch.pointer)
  const swapMs = performance.now() - swapAt
  say({ what: swap, outcome: 'REFUSED', ms: swapMs, reason: `${mismatch.code}: ${mismatch.pointer ?? ''}` })

  const redeemAt = performance.now()
  const redemptionId = randomUUID()
  const receipt = await client.redeem(grant, customerExport, { redemptionId, signal })
  const redeemMs = performance.now() - redeemAt
  expectSame('the receipt is for what was approved', grant.actionDigest, receipt.actionDigest)
  const again = await refusalOf('the agent redeems again', 'already_redeemed', () =>
    client.redeem(grant, customerExport, { signal, ...(fault === 'same-redemption' ? { redemptionId } : {}) }),
  )
  const minutes = Math.round((Date.parse(grant.expiresAt) - Date.parse(receipt.redeemedAt)) / 60_000)
  say({
    what: 'the agent redeems as approved',
    outcome: 'REDEEMED',
    ms: redeemMs,
    reason: `once, within ${minutes} min, receipt verified, ${shortDigest(receipt.actionDigest)} · again: ${again.code}`,
  })

  const reportAt = performance.now()
  const ids = { grantId: grant.grantId, executionId: randomUUID() }
  await client.report({ ...ids, outcome: 'started' })
  await client.report({ ...ids, outcome: 'succeeded', rows })
  const reported = await client.read(intentId, 0, signal)
  expectSame('the agent reports', 'succeeded', reported.state)
  say({
    what: `the agent reports ${count(rows)} rows`,
    outcome: 'SUCCEEDED',
    ms: performance.now() - reportAt,
    reason: 'counts and digests only',
  })
}
