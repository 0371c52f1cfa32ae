/** Version of OCSF that the rows follow, and of the mapping; a change of what an event maps to raises the latter. */
export const ocsfVersion = '1.8.0'
export const mappingVersion = 1

/** OCSF 1.8.0 classes in use: https://schema.ocsf.io/1.8.0/classes. */
export const classes = {
  authorize_session: {
    class_uid: 3003,
    class_name: 'Authorize Session',
    category_uid: 3,
    category_name: 'Identity & Access Management',
  },
  entity_management: {
    class_uid: 3004,
    class_name: 'Entity Management',
    category_uid: 3,
    category_name: 'Identity & Access Management',
  },
  user_access: {
    class_uid: 3005,
    class_name: 'User Access Management',
    category_uid: 3,
    category_name: 'Identity & Access Management',
  },
  api_activity: { class_uid: 6003, class_name: 'API Activity', category_uid: 6, category_name: 'Application Activity' },
} as const
export type ClassName = keyof typeof classes

/** `action_id` and `disposition_id` of the security_control profile, with their captions. */
export const outcomes = {
  allowed: { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed' },
  approved: { action_id: 1, action: 'Allowed', disposition_id: 8, disposition: 'Approved' },
  logged: { action_id: 3, action: 'Observed', disposition_id: 17, disposition: 'Logged' },
  delayed: { action_id: 99, action: 'Review', disposition_id: 14, disposition: 'Delayed' },
  blocked: { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' },
  rejected: { action_id: 2, action: 'Denied', disposition_id: 25, disposition: 'Rejected' },
  unauthorized: { action_id: 2, action: 'Denied', disposition_id: 26, disposition: 'Unauthorized' },
  revoked: { action_id: 2, action: 'Denied', disposition_id: 24, disposition: 'Access Revoked' },
  expired: { action_id: 2, action: 'Denied', disposition_id: 99, disposition: 'Expired' },
  withdrawn: { action_id: 2, action: 'Denied', disposition_id: 99, disposition: 'Withdrawn' },
} as const
export type Outcome = keyof typeof outcomes

export const severities = { 1: 'Informational', 2: 'Low', 3: 'Medium', 4: 'High' } as const
export type Severity = keyof typeof severities

/** One row, as it goes to a SIEM. Members that vary by class are open; the published schemas check them in the tests. */
export type AuditRow = {
  readonly class_uid: number
  readonly activity_id: number
  readonly type_uid: number
  readonly severity_id: number
  readonly time: number
  readonly is_alert: boolean
  readonly metadata: { readonly uid: string; readonly tenant_uid: string; readonly version: string }
  readonly [member: string]: unknown
}
