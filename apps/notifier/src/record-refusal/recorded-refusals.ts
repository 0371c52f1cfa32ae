const recorded = new WeakSet<object>()

/** Passes on a refusal whose attempt was recorded in its own transaction, so that it is not counted again on its way out. */
export const asRecorded = <Refused extends object>(refusal: Refused): Refused => {
  recorded.add(refusal)
  return refusal
}

export const isRecorded = (refusal: object): boolean => recorded.has(refusal)
