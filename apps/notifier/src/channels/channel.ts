import type { Channel } from '@countersign/contracts'
import type { Presentation } from '../present-review/presentation.ts'

/** How far a review has come, beside what is asked. Names are of the directory. */
export type ReviewProgress = {
  readonly state: string
  /** Whether verdicts are still taken. */
  readonly isOpen: boolean
  readonly verdicts: readonly {
    readonly name: string
    readonly verdict: 'approve' | 'deny'
    readonly channel: Channel
  }[]
  readonly seatsWanted: number
  readonly approvals: number
}

/** What a channel shows for a review. */
export type Card = {
  readonly presentation: Presentation
  /** The digest that a verdict from this card names. */
  readonly presentationDigest: string
  readonly progress: ReviewProgress
}

/**
 * A platform on which cards are shown. Every channel keeps this contract:
 * - What `fits` accepts is shown whole, as plain text; a card whose presentation is not complete offers no approval.
 * - A card that is not open offers nothing to press.
 * - What comes back from it names the review and the presentation digest in a form that the platform's users cannot change.
 * - `post` and `update` throw `DeliveryFailed` when the platform says no, and nothing else when it is away.
 */
export interface ReviewChannel {
  readonly name: Channel
  /** How many log lines it has room for. */
  readonly logs: { readonly lines: number; readonly lineLength: number }
  /** Whether everything in the presentation can be shown here and be approved from what is seen. */
  fits(presentation: Presentation): boolean
  /** Shows a new card; answers the platform's id of the message. Not idempotent: a card may be there twice after a crash. */
  post(place: string, card: Card): Promise<string>
  /** Replaces what a card shows. */
  update(place: string, messageId: string, card: Card): Promise<void>
}

/** Where a tenant's cards go; none means that it decides over the API only. */
export type Places = {
  of(tenantId: string): readonly { readonly channel: Channel; readonly place: string }[]
}

/** The platform did not take a message. */
export class DeliveryFailed extends Error {
  /** Snake_case, for events and alarms; nothing of the message is in it. */
  readonly code: string
  /** How long the platform asks to wait with this place. */
  readonly retryAfterMs: number | undefined
  /** The message to update is not there any more. */
  readonly isGone: boolean

  constructor(
    code: string,
    { cause, retryAfterMs, isGone = false }: { cause?: unknown; retryAfterMs?: number; isGone?: boolean } = {},
  ) {
    super(code, { cause })
    this.name = 'DeliveryFailed'
    this.code = code
    this.retryAfterMs = retryAfterMs
    this.isGone = isGone
  }
}
