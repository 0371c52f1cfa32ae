import type { Effect, IntentView } from '@countersign/contracts'
import type { CloudTrailRecord } from '../replay/cloudtrail-record.ts'
import { intentFromCloudTrail } from '../replay/intent-from-cloudtrail.ts'
import type { ReplayOutcome } from '../replay/summarize.ts'

/** What became of one line of a trail. */
export type ReplayedLine =
  | ({ readonly kind: 'decided'; readonly record: CloudTrailRecord } & ReplayOutcome)
  | { readonly kind: 'refused'; readonly line: number; readonly code: string }
  | { readonly kind: 'not_read'; readonly line: number; readonly code: string }
  | { readonly kind: 'undecided'; readonly line: number; readonly intentId?: string }

export type ReplayProgress = { readonly read: number; readonly published: number; readonly decided: number }

export const undecided = (line: number, intentId?: string): ReplayedLine => ({
  kind: 'undecided',
  line,
  ...(intentId === undefined ? {} : { intentId }),
})

/** What policy said to a record, from its intent; undefined while it has said nothing. */
export const outcomeOf = (
  { record, line }: { readonly record: CloudTrailRecord; readonly line: number },
  view: IntentView,
): ReplayedLine | undefined => {
  if (view.effect === undefined) return view.state === 'expired' ? undecided(line, view.intentId) : undefined
  const { body } = intentFromCloudTrail(record)
  return {
    kind: 'decided',
    record,
    action: body.action,
    principal: body.agent.name,
    effect: view.effect as Effect,
    rules: view.rules,
    occurredAt: record.occurredAt,
  }
}
