import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { lookAgainForCoordinators } from './coordinator-patch.ts'

const load = createRequire(import.meta.url)

describe('the coordinator patch', () => {
  it('makes a coordinator that was not found a reason to look again, and nothing else that kafkajs gives up for', async () => {
    const errors = load('kafkajs/src/errors.js')
    const retrier = load('kafkajs/src/retry/index.js')({ retries: 3, initialRetryTime: 1, maxRetryTime: 1 })
    const attempts = async (make: () => Error): Promise<number> => {
      let made = 0
      await retrier(async () => {
        made += 1
        throw make()
      }).catch(() => undefined)
      return made
    }
    const lost = () => new errors.KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator')
    expect(await attempts(lost)).toBe(1)

    expect(lookAgainForCoordinators()).toBe(true)
    expect(lookAgainForCoordinators()).toBe(true)
    expect(await attempts(lost)).toBe(4)
    expect(await attempts(() => new errors.KafkaJSNonRetriableError('never'))).toBe(1)
  })
})
