import requestQueue from 'kafkajs/src/network/requestQueue/index.js'

const patched = Symbol.for('countersign.kafkajs.spin-patch')

/**
 * kafkajs 2.2.4 arms a timer of 1 ms on every connection for ever, because "not throttled" is kept as a time in the
 * past (`throttledUntil = -1`); it takes 4 % of a core when nothing happens. Armed only when requests wait, it does
 * its work and nothing else. Safe to repeat; answers whether the class was found as expected.
 */
export const stopIdleSpin = (): boolean => {
  const { prototype } = requestQueue
  if (prototype[patched] === true) return true
  const arm = prototype.scheduleCheckPendingRequests
  if (typeof arm !== 'function') return false
  prototype.scheduleCheckPendingRequests = function (this: typeof prototype): void {
    if (this.pending.length > 0) arm.call(this)
  }
  prototype[patched] = true
  return true
}
