import { onBus, runService } from '@countersign/service-kit'
import { policyConfig } from './policy.config.ts'
import { policyService } from './policy-service.ts'

await runService({ name: 'policy', config: policyConfig, compose: onBus(policyService) })
