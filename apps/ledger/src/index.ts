export { composeLedger } from './compose-ledger.ts'
export { ledgerConfig, type LedgerConfig } from './ledger.config.ts'
export { migrateLedger } from './migrate-ledger.ts'
export type { CheckpointName, Finding, NamedEvent } from './verify-store/finding.ts'
export {
  type StoreReport,
  type Verdict,
  verdictCodes,
  verifyStore,
  type VerifyStoreOptions,
} from './verify-store/verify-store.ts'
