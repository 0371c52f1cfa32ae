/** Something that a system says it did, out of its own audit trail. */
export type TrailCall = {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Who did it, as the trail names them. */
  readonly principal: string
  /** In the words in which an agent would have asked for it. */
  readonly action: string
  readonly target: string
  /** Whether the trail says how it ended. */
  readonly outcome?: 'succeeded' | 'failed'
  /** What the trail calls it. */
  readonly operation: string
  /** Where in the trail it stands; it holds none of the trail's content. */
  readonly place: string
}

/** A line that is no call: `skipped` is not about a target, `quarantined` could not be read. */
export type TrailLine =
  | { readonly call: TrailCall }
  | { readonly skipped: string }
  | { readonly quarantined: string; readonly place: string }
