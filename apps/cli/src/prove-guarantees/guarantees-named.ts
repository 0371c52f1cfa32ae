import { type Guarantee, guarantees } from '@countersign/conformance'
import { Failure } from '../exit-codes.ts'

/** Guarantees by their ids, separated by commas; all of them when none is named. @throws Failure for an id that there is not */
export const guaranteesNamed = (ids: string | undefined): readonly Guarantee[] => {
  if (ids === undefined) return guarantees
  return ids.split(',').map((text) => {
    const id = text.trim().toUpperCase()
    const found = guarantees.find((guarantee) => guarantee.id === id)
    if (found !== undefined) return found
    throw new Failure(`there is no guarantee ${id}`, {
      next: `They are ${guarantees[0]?.id ?? ''} to ${guarantees.at(-1)?.id ?? ''}; countersign explain lists them.`,
    })
  })
}
