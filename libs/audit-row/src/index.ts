export { intentContext, toAuditRow, type AuditRowOptions, type LedgerPlace } from './audit-row.ts'
export type { IntentContext } from './meaning.ts'
export { mappingVersion, ocsfVersion, type AuditRow } from './ocsf.ts'
