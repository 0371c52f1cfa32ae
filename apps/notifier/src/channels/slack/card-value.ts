import { createHmac, timingSafeEqual } from 'node:crypto'
import type { VerdictChoice } from '@countersign/contracts'

/** What a button stands for. */
export type CardValue = {
  readonly verdict: VerdictChoice
  readonly reviewId: string
  readonly presentationDigest: string
  readonly actionDigest: string
}

const form = /^1\.(approve|deny)\.([0-9a-f-]{36})\.([0-9a-f]{64})\.([0-9a-f]{64})\.([A-Za-z0-9_-]{43})$/

const hex = (digest: string): string => digest.slice('sha256:'.length)

/** Key of the values of a Slack app's buttons, from its signing secret. */
export const cardValueKey = (signingSecret: string): Buffer =>
  createHmac('sha256', signingSecret).update('countersign/slack-card-value/v1').digest()

const macOf = (key: Uint8Array, team: string, fields: readonly string[]): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([team, ...fields]))
    .digest()

const fieldsOf = (value: CardValue): string[] => [
  value.verdict,
  value.reviewId,
  hex(value.presentationDigest),
  hex(value.actionDigest),
]

/**
 * The value of a button: the verdict, the review, what was shown and what it is about, with a MAC over them and the
 * workspace. A card that was edited, or copied to another review or workspace, decides nothing.
 */
export const cardValue = (key: Uint8Array, team: string, value: CardValue): string => {
  const fields = fieldsOf(value)
  return ['1', ...fields, macOf(key, team, fields).toString('base64url')].join('.')
}

/** A button's value as it came back: what it says, and whether that is what we put there. */
type ReturnedValue = { readonly value: CardValue; readonly isAuthentic: boolean }

/** Reads a button's value; undefined when it has not even the form of one. Only an authentic one may decide anything. */
export const readCardValue = (key: Uint8Array, team: string, text: string): ReturnedValue | undefined => {
  const [, verdict, reviewId, presentation, action, mac] = form.exec(text) ?? []
  if (reviewId === undefined || presentation === undefined || action === undefined || mac === undefined)
    return undefined
  const value: CardValue = {
    verdict: verdict === 'approve' ? 'approve' : 'deny',
    reviewId,
    presentationDigest: `sha256:${presentation}`,
    actionDigest: `sha256:${action}`,
  }
  const given = Buffer.from(mac, 'base64url')
  const expected = macOf(key, team, fieldsOf(value))
  return { value, isAuthentic: given.length === expected.length && timingSafeEqual(given, expected) }
}
