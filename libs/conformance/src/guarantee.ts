import type { Cast, Gate } from './gate.ts'

/** What a check works with. */
export type Trial = {
  readonly gate: Gate
  readonly cast: Cast
  /** Aborts when the check has taken too long or the user asks to stop. */
  readonly signal: AbortSignal
}

/** A promise of an approval gate, with what proves or disproves it. */
export type Guarantee = {
  readonly id: string
  /** The promise, one sentence. */
  readonly title: string
  /** What it means to somebody who relies on it. */
  readonly meaning: string
  /** How it is tested. */
  readonly test: string
  /** The check takes as long as the shortest deadline of a review. */
  readonly waitsForDeadline?: boolean
  /** Attempts of one caller are counted together when there are many, so this one is made before the others. */
  readonly goesFirst?: boolean
  /** Resolves with what was seen. @throws Broken when the guarantee does not hold; anything else leaves it unproven */
  readonly check: (trial: Trial) => Promise<string>
}
