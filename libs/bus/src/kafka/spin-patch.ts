import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}

const patched = Symbol.for('countersign.kafkajs.spin-patch')

/** kafkajs has no entry point for it, and the package declares no `exports` that would forbid the path. */
const requestQueue = (): { readonly prototype: RequestQueue & { [patched]?: true } } =>
  createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js')

/**
 * kafkajs 2.2.4 arms a timer of 1 ms on every connection for ever, because "not throttled" is kept as a time in the
 * past (`throttledUntil = -1`); it takes 4 % of a core when nothing happens. Armed only when requests wait, it does
 * its work and nothing else. Safe to repeat; answers whether the class was found as expected.
 */
export const stopIdleSpin = (): boolean => {
  const { prototype } = requestQueue()
  if (prototype[patched] === true) return true
  const arm = prototype.scheduleCheckPendingRequests
  if (typeof arm !== 'function') return false
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) arm.call(this)
  }
  prototype[patched] = true
  return true
}
