import type { GrantView } from '@countersign/contracts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'

/** `RACED_GRANTS=50` is the nightly run. */
const grantCount = Number(process.env['RACED_GRANTS'] ?? 4)
const racers = 200
const withinMs = 60_000 + grantCount * 30_000

let world: IntakeOverHttp
beforeAll(async () => {
  world = await intakeOverHttp()
})
afterAll(() => world.close())

const granted = async (): Promise<GrantView> => {
  const { intentId } = await world.publishOne()
  await world.allow(intentId, { grantTtlMs: 900_000, collectWithinMs: 900_000 })
  const { answer, code } = await world.call({ as: 'etl-bot', path: `/v1/intents/${intentId}/grant` })
  if (code !== 'ok') throw new Error(code)
  return answer as unknown as GrantView
}

const redeem = ({ grantId, token }: GrantView) => {
  const { action, target, environment, parameters } = world.body()
  return world.call({
    as: 'etl-bot',
    path: `/v1/grants/${grantId}/redeem`,
    body: { token, redemptionId: world.newId(), action, target, environment, parameters },
  })
}

it(
  `of ${racers} redemptions at once over HTTP one succeeds, for each of ${grantCount} grants, and all others are refused and counted`,
  async () => {
    for (let round = 0; round < grantCount; round += 1) {
      const grant = await granted()
      const answers = await Promise.all(Array.from({ length: racers }, () => redeem(grant)))
      expect(answers.map(({ status, code }) => `${status} ${code}`).toSorted()).toEqual([
        '200 ok',
        ...Array<string>(racers - 1).fill('409 already_redeemed'),
      ])
      const redeemed = (await world.history(grant.intentId)).filter(({ type }) => type === 'GrantRedeemed')
      expect(redeemed).toHaveLength(1)
    }
    const { rows } = await world.superuser.query<{ total: string; grants: string }>(
      `select sum(total) as total, count(distinct stream_id) as grants from countersign.refusal_count
       where code = 'already_redeemed'`,
    )
    expect(rows[0]).toEqual({ total: String(grantCount * (racers - 1)), grants: String(grantCount) })
  },
  withinMs,
)
