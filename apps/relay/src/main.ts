import { onBus, runService } from '@countersign/service-kit'
import { relayConfig } from './relay.config.ts'
import { relayService } from './relay.service.ts'

await runService({ name: 'relay', config: relayConfig, compose: onBus(relayService) })
