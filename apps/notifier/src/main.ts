import { onBus, runService } from '@countersign/service-kit'
import { notifierConfig } from './notifier.config.ts'
import { notifierService } from './notifier-service.ts'

await runService({ name: 'notifier', config: notifierConfig, compose: onBus(notifierService) })
