import { onBus, runService } from '@countersign/service-kit'
import { intakeConfig } from './intake.config.ts'
import { intakeService } from './intake.service.ts'

await runService({ name: 'intake', config: intakeConfig, compose: onBus(intakeService) })
