export { migrateRelay } from './migrate-relay.ts'
export { relayConfig, type RelayConfig } from './relay.config.ts'
export { relayService } from './relay.service.ts'
