import { fit, padEnd, padStart } from '../print/table.ts'
import { span } from '../print/words.ts'
import type { Paint } from '../terminal.ts'

/** One line of the demo: who did what, what came of it, how long that took and why. */
export type DemoLine = {
  /** `1 read`, or empty for a line that continues the one above. */
  readonly label?: string
  readonly what: string
  readonly outcome?: string
  readonly ms?: number
  readonly reason?: string
}

const widths = { label: 9, what: 46, outcome: 10, ms: 8 } as const

const paints: Readonly<Record<string, Paint>> = {
  ALLOWED: 'green',
  APPROVED: 'green',
  REDEEMED: 'green',
  SUCCEEDED: 'green',
  VERIFIED: 'green',
  CAUGHT: 'green',
  DENIED: 'red',
  REFUSED: 'red',
  WAITING: 'yellow',
}

/** A line in columns; only the outcome is coloured. */
export const demoLine = (
  { label = '', what, outcome = '', ms, reason = '' }: DemoLine,
  paint: (format: Paint, text: string) => string = (_format, text) => text,
): string => {
  const head = label === '' ? `  ${what}` : padEnd(label, widths.label) + what
  if (outcome === '') return head
  const color = paints[outcome]
  const word = padEnd(outcome, widths.outcome)
  return [
    padEnd(fit(head, widths.label + widths.what - 1), widths.label + widths.what),
    color === undefined ? word : word.replace(outcome, paint(color, outcome)),
    padStart(ms === undefined ? '' : span(ms), widths.ms),
    `   ${reason}`,
  ]
    .join('')
    .trimEnd()
}
