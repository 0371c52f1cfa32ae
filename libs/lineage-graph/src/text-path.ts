import type { RecordedEventOf } from '@countersign/contracts'
import { dataEnds, verbOf } from './target.ts'

/** Shows a subject id; who may see names passes a look-up, everybody else sees the id. */
export type NameSubject = (subjectId: string) => string

const channels = { api: 'API', slack: 'Slack', teams: 'Teams', console: 'console' } as const

/**
 * The path of one intent in a line, as far as it came:
 * `etl-bot/m-4 → export → Ben (Slack) → grant → customers ⇒ s3://partner-eu`. A double arrow says that it ran and
 * succeeded; without one nothing is known to have happened to the data. Empty when the intent's first event is missing.
 */
export const textPath = (events: readonly RecordedEventOf[], name: NameSubject = (subject) => subject): string => {
  const find = <Name extends RecordedEventOf['type']>(type: Name) =>
    events.find((event): event is RecordedEventOf<Name> & RecordedEventOf => event.type === type)
  const published = find('ActionIntentPublished')
  if (published === undefined) return ''
  const { agent, action, target } = published.data
  const steps = [agent.model === undefined ? agent.name : `${agent.name}/${agent.model.name}`, verbOf(action)]

  const verdicts = events.filter((event) => event.type === 'VerdictRecorded')
  for (const { data } of verdicts) {
    const who = `${name(data.person)} (${channels[data.channel]})`
    steps.push(data.verdict === 'approve' ? who : `${who} denied`)
  }
  const allowed = find('IntentAllowed')
  if (allowed !== undefined) steps.push(`allowed by ${allowed.data.rules.join(', ') || 'policy'}`)
  const denied = find('IntentDenied')
  if (denied !== undefined) steps.push(`denied by ${denied.data.rules.join(', ') || denied.data.code}`)
  if (find('ReviewRequested') !== undefined && !ended(events) && find('ReviewApproved') === undefined) {
    steps.push('waiting')
  }
  if (find('GrantIssued') !== undefined) steps.push('grant')
  const line = steps.join(' → ')

  const succeeded =
    find('ExecutionSucceeded') !== undefined || find('ExecutionReconciled')?.data.outcome === 'succeeded'
  if (succeeded) {
    const { reads, writes } = dataEnds(published.tenantId, published.data)
    const plain = (key: string) => key.slice(published.data.environment.length + 1)
    return reads !== undefined && writes !== undefined
      ? `${line} → ${plain(reads.key)} ⇒ ${plain(writes.key)}`
      : `${line} ⇒ ${target}`
  }
  const end = events.map(({ type }) => endings[type]).find((word) => word !== undefined)
  return end === undefined ? line : `${line} → ${end}`
}

const endings: Partial<Record<RecordedEventOf['type'], string>> = {
  IntentWithdrawn: 'withdrawn',
  IntentExpired: 'expired',
  GrantRevoked: 'revoked',
  GrantExpired: 'grant expired',
  ExecutionFailed: 'failed',
  ExecutionUnknown: 'unknown',
}

const ended = (events: readonly RecordedEventOf[]) =>
  events.some(({ type }) => endings[type] !== undefined || type === 'ReviewDenied')
