import { createRequire } from 'node:module'
import { describe, expect, it, vi } from 'vitest'
import { stopIdleSpin } from './spin-patch.ts'

const load = createRequire(import.meta.url)

describe('the spin patch', () => {
  it('finds the class of kafkajs as it expects it, and arms a timer only for requests that wait', () => {
    const RequestQueue = load('kafkajs/src/network/requestQueue/index.js')
    const logger = { namespace: () => logger, debug: () => undefined }
    const queueOf = (pending: readonly unknown[]) =>
      Object.assign(new RequestQueue({ maxInFlightRequests: null, requestTimeout: 30_000, logger }), { pending })
    const arm = vi.spyOn(globalThis, 'setTimeout').mockReturnValue({} as NodeJS.Timeout)
    queueOf([]).scheduleCheckPendingRequests()
    const asReleased = arm.mock.calls.length

    expect(stopIdleSpin()).toBe(true)
    expect(stopIdleSpin()).toBe(true)
    arm.mockClear()
    queueOf([]).scheduleCheckPendingRequests()
    expect(arm).not.toHaveBeenCalled()
    queueOf(['a request']).scheduleCheckPendingRequests()
    expect(arm).toHaveBeenCalledOnce()
    arm.mockRestore()
    expect(asReleased).toBe(1)
  })
})
