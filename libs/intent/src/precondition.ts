const bound = /^<=(0|[1-9]\d{0,14})$/
const wholeNumber = /^(0|[1-9]\d{0,14})$/

/** Whether an approved precondition is meant as an upper bound, well or ill written. */
export const looksLikeBound = (approved: string): boolean => approved.startsWith('<=')

/** Whether `approved` is an upper bound such as `<=1300`. */
export const isBound = (approved: string): boolean => bound.test(approved)

/**
 * Whether what the executor observed is what was approved: the same text, or for an approved upper bound such as `<=1300` a
 * whole number that is not above it. The bound itself is no observation.
 */
export const preconditionHolds = (approved: string, observed: string): boolean => {
  const most = bound.exec(approved)?.[1]
  if (most === undefined) return approved === observed
  return wholeNumber.test(observed) && Number(observed) <= Number(most)
}
