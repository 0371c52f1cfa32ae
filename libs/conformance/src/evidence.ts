import type { Outcome } from './gate.ts'

/** The guarantee does not hold: this happened although it must not. */
export class Broken extends Error {}

/** Nothing is proven: what the check needs did not happen, was refused, or is not there. */
export class Unproven extends Error {}

/** The value of what had to be accepted, so that a refusal of something else proves anything. */
export const accepted = <Value>(what: string, outcome: Outcome<Value>): Value => {
  if (outcome.accepted) return outcome.value
  throw new Unproven(`${what} was refused with ${outcome.code}, so nothing is proven`)
}

/**
 * The code with which something was refused that had to be. Accepted is a broken guarantee; refused for another reason proves
 * nothing.
 */
export const refused = (what: string, outcome: Outcome<unknown>, codes: readonly string[]): string => {
  if (outcome.accepted) throw new Broken(`${what} was accepted`)
  if (codes.includes(outcome.code)) return outcome.code
  throw new Unproven(`${what} was refused with ${outcome.code}, not with ${codes.join(' or ')}`)
}

/** Ends the check as broken unless it is so. */
export const holds = (isSo: boolean, otherwise: string): void => {
  if (!isSo) throw new Broken(otherwise)
}

/** Ends the check as unproven unless it is so. */
export const given = (isSo: boolean, otherwise: string): void => {
  if (!isSo) throw new Unproven(otherwise)
}
