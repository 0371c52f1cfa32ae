import type { PlainTextElement } from '@slack/types'

/** Text that Slack shows as it is: no markup, no links, no mentions, no emoji by name. */
export const plainText = (text: string): PlainTextElement => ({ type: 'plain_text', text, emoji: false })

/** A text that was made to fit, and whether it was whole before. */
export type Fitted = { readonly text: string; readonly isWhole: boolean }

/**
 * Cuts a text that already shows what is hidden in it to `most` UTF-16 code units and `lines` lines. A cut says so, splits
 * no character and no ⟨…⟩.
 */
export const fitted = (text: string, most: number, lines = Number.POSITIVE_INFINITY): Fitted => {
  const split = text.split('\n')
  const kept = split.length > lines ? split.slice(0, lines).join('\n') : text
  if (kept.length <= most && kept.length === text.length) return { text, isWhole: true }
  const note = '⟨more, not shown here⟩'
  let cut = kept.slice(0, Math.min(kept.length, most - note.length))
  const open = cut.lastIndexOf('⟨')
  if (open > cut.lastIndexOf('⟩')) cut = cut.slice(0, open)
  const last = cut.charCodeAt(cut.length - 1)
  if (last >= 0xd800 && last <= 0xdbff) cut = cut.slice(0, -1)
  return { text: `${cut}${note}`, isWhole: false }
}
