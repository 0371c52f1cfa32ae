import { createPostgresBus } from '@countersign/bus'
import { runService } from '@countersign/service-kit'
import pg from 'pg'
import { composeLineageProjector } from './compose-lineage-projector.ts'
import { lineageProjectorConfig } from './lineage-projector.config.ts'

await runService({
  name: 'lineage-projector',
  config: lineageProjectorConfig,
  compose: async (context) => {
    const pool = new pg.Pool({ connectionString: context.config.DATABASE_URL.reveal(), max: 4 })
    const bus = createPostgresBus({ pool, log: (line) => context.log.info({}, line) })
    const close = async () => {
      await bus.close()
      await pool.end()
    }
    try {
      const parts = await composeLineageProjector({ bus })(context)
      return {
        ...parts,
        onStop: async () => {
          await parts.onStop?.()
          await close()
        },
      }
    } catch (error) {
      await close()
      throw error
    }
  },
})
