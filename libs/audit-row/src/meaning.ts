import type { ClassName, Outcome, Severity } from './ocsf.ts'

/** Who did it: a person or software by subject id, or one of our own services. */
export type Actor =
  | { readonly person: string; readonly hasMfa?: boolean; readonly provider?: string }
  | { readonly software: string }
  | { readonly service: string }

export type Status = {
  readonly id: 1 | 2 | 99
  readonly name: string
  readonly code?: string
  readonly detail?: string
}

export const succeeded: Status = { id: 1, name: 'Success' }
export const failed = (code: string, detail?: string): Status => ({
  id: 2,
  name: 'Failure',
  code,
  ...(detail === undefined ? {} : { detail }),
})
export const other = (name: string, code?: string): Status => ({
  id: 99,
  name,
  ...(code === undefined ? {} : { code }),
})

/** What an event means in the field's terms; the row is assembled from it. */
export type Meaning = {
  readonly class: ClassName
  readonly activity: readonly [id: number, name: string]
  /** Our operation, `noun.verb`. */
  readonly operation: string
  /** One plain sentence without names or values. */
  readonly message: string
  readonly outcome: Outcome
  readonly status: Status
  readonly severity?: Severity
  readonly isAlert?: boolean
  readonly actor: Actor
  /** Where it came from: a channel, a producer, or the service itself. */
  readonly from: string
  readonly count?: number
  readonly authorizations?: readonly Readonly<Record<string, unknown>>[]
  /** Class members beyond the common ones: entity, user, privileges. */
  readonly members?: Readonly<Record<string, unknown>>
  /** Facts for which OCSF has no place. */
  readonly unmapped?: Readonly<Record<string, unknown>>
}

/** The action that an event is about, from the intent's first event; later events don't repeat it. */
export type IntentContext = {
  readonly agent: string
  readonly agentName: string
  readonly executor: string
  readonly model?: string
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly producer: string
}
