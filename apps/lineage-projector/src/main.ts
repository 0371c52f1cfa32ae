import { onBus, runService } from '@countersign/service-kit'
import { lineageProjectorConfig } from './lineage-projector.config.ts'
import { composeLineageProjector } from './compose-lineage-projector.ts'

await runService({
  name: 'lineage-projector',
  config: lineageProjectorConfig,
  compose: onBus(composeLineageProjector),
})
