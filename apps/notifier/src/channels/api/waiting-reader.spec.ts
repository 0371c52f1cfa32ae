import { newId } from '@countersign/event-store'
import type { Identity } from '@countersign/identity'
import { WaitingReaders } from '@countersign/service-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NotifierWorld, startWorld, until } from '../../notifier-world.fixture.ts'
import { findReview } from '../../present-review/tracked-review.ts'
import { ApiChannel } from './api-channel.ts'

let at: NotifierWorld
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

/** A channel whose readers wait until they are let go. */
const channel = () => {
  const [waits, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  class Held extends WaitingReaders {
    override next = (): Promise<void> => {
      waits.resolve()
      return released.promise
    }
  }
  const { spec, stores, notifierKeys: keyring } = at
  const source = { pool: spec.poolOf('notifier'), store: stores.notifier, keyring }
  const rules = {} as ConstructorParameters<typeof ApiChannel>[2]
  const stop = new AbortController()
  const waiting = { tracked: new Held(), stopping: stop.signal }
  const verdicts = {} as ConstructorParameters<typeof ApiChannel>[1]
  return {
    api: new ApiChannel(source, verdicts, rules, waiting),
    waits: waits.promise,
    release: () => {
      stop.abort()
      released.resolve()
    },
  }
}
const person = (subject: string): Identity => ({
  issuer: at.idp.issuer,
  subject,
  clientId: 'countersign-cli',
  kind: 'person',
  actorChain: [],
})

describe('whoever waits for a review', () => {
  it('is shown it only if they may see it when it is there, not when they began to wait', async () => {
    const { api, waits, release } = channel()
    const asking = await at.ask({})
    const read = () => api.read(person('ben'), { reviewId: asking.reviewId, waitMs: 20_000 })
    const answer = read()
    await waits
    // Looks are answered in their order: after this one the reader has looked and waits.
    expect(await findReview(at.spec.poolOf('notifier'), asking.reviewId)).toBeUndefined()
    await at.carry(asking)
    await until(async () => {
      const found = await at.spec.superuser.query('select from notifier.review where review_id = $1', [asking.reviewId])
      return found.rowCount === 1 ? true : undefined
    })
    await at.spec.superuser.query('update countersign.person set active = false where subject_id = $1', [at.people.ben])
    release()
    expect(await answer).toMatchObject({ code: 'person_inactive' })
    expect(await at.attemptsNamed(asking, 'ReviewPresented')).not.toContainEqual(
      expect.objectContaining({ reader: at.people.ben }),
    )
  })

  it('has so many places, and is refused one more while they hold them; who does not wait is answered', async () => {
    const { api, release } = channel()
    const reviewId = newId()
    const read = (waitMs: number) => api.read(person('cora'), { reviewId, waitMs })
    const reads = Array.from({ length: 101 }, () => read(20_000))
    await expect(Promise.race(reads)).rejects.toThrow('too_many_requests')
    expect(await read(0)).toMatchObject({ code: 'unknown_review' })
    release()
    const told = await Promise.allSettled(reads)
    expect(told.filter(({ status }) => status === 'fulfilled')).toHaveLength(100)
    await expect(read(1)).resolves.toMatchObject({ code: 'unknown_review' })
  })
})
