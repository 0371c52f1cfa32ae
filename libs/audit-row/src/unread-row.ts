import type { StreamKind } from '@countersign/contracts'
import { classes, outcomes, severities, type AuditRow } from './ocsf.ts'
import { leafHashOf, metadataOf, provenanceOf, type RowPlace } from './row-place.ts'

/** What is known of an event without reading its data. */
export type UnreadEvent = {
  readonly eventId: string
  readonly wireType: string
  readonly tenantId: string
  readonly kind: StreamKind
  readonly streamId: string
  readonly recordedAt: string
}

/**
 * The row of an event that this version has no mapping for, because a newer one appended it. Where every event has to be
 * a row it says that there is one, and alerts, for nobody knows what it hides; nothing of its data is shown.
 */
export const toUnreadRow = (event: UnreadEvent, place: RowPlace = {}): AuditRow => {
  const { kind, streamId, recordedAt } = event
  const intentId = kind === 'intent' ? streamId : undefined
  return {
    ...classes.api_activity,
    activity_id: 99,
    activity_name: 'Unread',
    type_uid: classes.api_activity.class_uid * 100 + 99,
    severity_id: 3,
    severity: severities[3],
    time: Date.parse(recordedAt),
    message: 'An event was recorded that this version of Countersign cannot read.',
    ...outcomes.logged,
    is_alert: true,
    status_id: 99,
    status: 'Unread',
    metadata: metadataOf({ ...event, intentId }, place),
    actor: { app_name: 'countersign' },
    api: {
      operation: 'event.append',
      service: { name: 'countersign' },
      ...(intentId === undefined ? {} : { request: { uid: intentId } }),
    },
    src_endpoint: { name: 'countersign', svc_name: 'countersign' },
    ...leafHashOf(place),
    unmapped: { ...provenanceOf(place), stream: streamId, stream_kind: kind },
  }
}
