import { type Refusal, refusals, type VerdictChoice } from '@countersign/contracts'
import { visibleText } from '@countersign/redaction'
import type { ModalView } from '@slack/types'
import { longestReason, shortestReason } from '../../record-verdict/verdict-attempt.ts'
import type { TrackedReview } from '../../present-review/tracked-review.ts'
import { plainText } from './plain-text.ts'

/** The card shows the target whole; here it only reminds of it. */
const longestTarget = 1_000

export const verdictCallback = 'verdict'
export const reasonBlock = 'reason'
export const reasonInput = 'text'

/** Where a modal came from; the value keeps its MAC, the channel is only where an answer is shown. */
type ModalOrigin = { readonly value: string; readonly channel: string }

const writeOrigin = (origin: ModalOrigin): string => JSON.stringify([origin.value, origin.channel])

export const readOrigin = (text: string): ModalOrigin | undefined => {
  try {
    const [value, channel] = JSON.parse(text) as unknown[]
    return typeof value === 'string' && typeof channel === 'string' ? { value, channel } : undefined
  } catch {
    return undefined
  }
}

/** Asks for the reason: needed for a no, welcome for a yes. */
export const verdictModal = (
  verdict: VerdictChoice,
  { action, target, environment }: Pick<TrackedReview, 'action' | 'target' | 'environment'>,
  origin: ModalOrigin,
): ModalView => ({
  type: 'modal',
  callback_id: verdictCallback,
  private_metadata: writeOrigin(origin),
  title: plainText(verdict === 'approve' ? 'Approve' : 'Deny'),
  submit: plainText(verdict === 'approve' ? 'Approve' : 'Deny'),
  close: plainText('Cancel'),
  blocks: [
    {
      type: 'section',
      text: plainText(`${action} in ${environment}\n${visibleText(target, { maxLength: longestTarget })}`),
    },
    {
      type: 'input',
      block_id: reasonBlock,
      optional: verdict === 'approve',
      label: plainText(verdict === 'approve' ? 'Reason, if you like' : 'Why not?'),
      element: {
        type: 'plain_text_input',
        action_id: reasonInput,
        multiline: true,
        max_length: longestReason,
        ...(verdict === 'deny' ? { min_length: shortestReason } : {}),
      },
    },
  ],
})

/** What a refusal says to the person, in our words. */
export const refusalText = ({ code }: Refusal): string => `${refusals[code].title}. ${refusals[code].next}`

/** Shown instead of the form when the verdict was not taken. */
export const refusedModal = (refusal: Refusal): ModalView => ({
  type: 'modal',
  title: plainText('Not recorded'),
  close: plainText('Close'),
  blocks: [{ type: 'section', text: plainText(refusalText(refusal)) }],
})
