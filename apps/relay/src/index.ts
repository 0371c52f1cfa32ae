export { migrateRelay } from './migrate-relay.ts'
export { publishAgain } from './publish-events/publish-again.ts'
export { relayConfig, type RelayConfig } from './relay.config.ts'
export { relayService } from './relay.service.ts'
