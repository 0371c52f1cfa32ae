import type { ReviewView } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asked, Asking } from '../asking.fixture.ts'
import { type NotifierWorld, startWorld, until } from '../notifier-world.fixture.ts'

let at: NotifierWorld
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

const call = async (path: string, body?: object) => {
  const response = await fetch(`${at.url}/v1/reviews${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${await at.token('ben')}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return (await response.json()) as ReviewView
}
const asked = async (over: Asked): Promise<Asking> => {
  const asking = await at.ask(over)
  await at.carry(asking)
  await at.card(asking)
  return asking
}
const read = ({ reviewId }: Asking) =>
  until(async () => {
    const view = await call(`/${reviewId}`)
    return view.presentation === undefined ? undefined : view
  })
const deny = async (asking: Asking) => {
  const { presentationDigest } = await read(asking)
  await call(`/${asking.reviewId}/verdicts`, { verdict: 'deny', presentationDigest, reason: 'not to them' })
}

describe('a no', () => {
  const target = 's3://asked-again/customers'

  it('is told to whoever is asked for the same again, whoever asks and with whatever parameters', async () => {
    const first = await asked({ target })
    expect((await read(first)).presentation).not.toHaveProperty('deniedBefore')
    await deny(first)
    const again = await asked({ target, parameters: { bucket: 'another' } })
    expect((await read(again)).presentation).toMatchObject({ deniedBefore: 1, complete: true })
    await at.card(again, (blocks) => blocks.includes('was denied once in the 24 hours before'))
    await deny(again)
    expect((await read(await asked({ target }))).presentation).toMatchObject({ deniedBefore: 2 })
    expect((await read(again)).presentation).toMatchObject({ deniedBefore: 1 })
  })

  it.each<[string, Asked]>([
    ['another target', { target: 's3://asked-once/customers' }],
    ['another action', { target, action: 'data.read' }],
    ['another environment', { target, environment: 'staging' }],
  ])('is not told about %s', async (_what, over) => {
    expect((await read(await asked(over))).presentation).not.toHaveProperty('deniedBefore')
  })

  it('is told for a day', async () => {
    await at.spec.superuser.query(
      `update notifier.review set requested_at = requested_at - interval '24 hours 1 minute'`,
    )
    expect((await read(await asked({ target }))).presentation).not.toHaveProperty('deniedBefore')
  })
})
