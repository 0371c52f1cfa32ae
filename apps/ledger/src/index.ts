export { composeLedger } from './compose-ledger.ts'
export { ledgerConfig, type LedgerConfig } from './ledger.config.ts'
export { migrateLedger } from './migrate-ledger.ts'
