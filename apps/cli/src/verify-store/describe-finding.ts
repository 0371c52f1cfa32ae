import type { Finding, NamedEvent } from '@countersign/ledger-check'

const eventOf = ({ kind, streamId, version }: NamedEvent): string => `${kind} ${streamId} version ${version}`

/** A finding in words. Names places, never contents. */
export const describeFinding = (finding: Finding): string => {
  switch (finding.code) {
    case 'event_differs':
      return `index ${finding.index}: the event row was changed (${finding.fields.join(', ')}); ${eventOf(finding)}`
    case 'event_missing':
      return `index ${finding.index}: the event row is gone; ${eventOf(finding)}`
    case 'event_not_logged':
      return `an event row without entry, inserted later or its entry is gone; ${eventOf(finding)}`
    case 'entry_differs':
      return `index ${finding.index}: the ledger entry was changed (${finding.columns.join(', ')})`
    case 'entry_missing':
      return `index ${finding.index}: the ledger entry is gone`
    case 'chain_differs':
      return `index ${finding.index}: the entry does not name the one before it in its stream`
    case 'tile_differs':
      return `index ${finding.firstLeaf}: tile ${finding.level}/${finding.index} was changed`
    case 'tile_missing':
      return `tile ${finding.level}/${finding.index} is gone`
    case 'tile_extra':
      return `tile ${finding.level}/${finding.index} is longer than the log`
    case 'head_differs':
      return `the head says ${finding.size} entries, the entries make ${finding.entries}`
    case 'root_differs':
      return `the root at size ${finding.size} is not that of the ${finding.checkpoint} checkpoint`
    case 'log_too_short':
      return `the ${finding.checkpoint} checkpoint is of size ${finding.size}, the log is shorter`
    case 'checkpoint_differs':
      return `the stored checkpoint of size ${finding.size} is not one of this log and key`
    case 'subject_differs':
      return `subject ${finding.subjectId} stands for somebody else than when event ${finding.eventId} introduced it`
    case 'subject_not_introduced':
      return `subject ${finding.subjectId} was introduced by no event`
    case 'entries_lost':
      return `index ${finding.from} to ${finding.size - 1}: lost with a restored database; entry ${finding.index} says who went on without them`
    case 'origin_differs':
      return 'the checkpoint is of another log'
    case 'log_missing':
      return 'there is no such log'
    default:
      return finding satisfies never
  }
}
