import { mappingVersion, ocsfVersion } from './ocsf.ts'

/** Where the event stands in the ledger; with it the row can be checked against the log. */
export type LedgerPlace = {
  readonly origin: string
  readonly index: number
  /** SHA-256 of the leaf, lower-case hex without prefix. */
  readonly leafHash: string
}

/** What a row tells about where it comes from, whatever the event is. */
export type RowPlace = {
  readonly ledger?: LedgerPlace
  /** Version of Countersign. */
  readonly productVersion?: string
}

export type RowSubject = {
  readonly eventId: string
  readonly tenantId: string
  readonly wireType: string
  readonly intentId: string | undefined
}

/** `metadata` of a row; `sequence` is the index of the event in its tenant's log. */
export const metadataOf = (
  { eventId, tenantId, wireType, intentId }: RowSubject,
  { ledger, productVersion }: RowPlace,
) => ({
  version: ocsfVersion,
  uid: eventId,
  tenant_uid: tenantId,
  event_code: wireType,
  profiles: ['security_control'],
  product: {
    name: 'Countersign',
    vendor_name: 'Countersign',
    ...(productVersion === undefined ? {} : { version: productVersion }),
  },
  ...(intentId === undefined ? {} : { correlation_uid: intentId }),
  ...(ledger === undefined ? {} : { log_name: ledger.origin, sequence: ledger.index }),
})

/** The hash of the leaf as OCSF has a place for it. */
export const leafHashOf = ({ ledger }: RowPlace) =>
  ledger === undefined ? {} : { raw_data_hash: { algorithm_id: 3, algorithm: 'SHA-256', value: ledger.leafHash } }

/** First members of `unmapped`. OCSF keeps `sequence` below 2^31 in some consumers, so the index is text as well. */
export const provenanceOf = ({ ledger }: RowPlace) => ({
  mapping_version: mappingVersion,
  ...(ledger === undefined ? {} : { ledger_index: String(ledger.index) }),
})
