import { createPostgresBus } from '@countersign/bus'
import { runService } from '@countersign/service-kit'
import pg from 'pg'
import { policyConfig } from './policy.config.ts'
import { policyService } from './policy-service.ts'

await runService({
  name: 'policy',
  config: policyConfig,
  compose: async (context) => {
    const pool = new pg.Pool({ connectionString: context.config.DATABASE_URL.reveal(), max: 4 })
    const bus = createPostgresBus({ pool, log: (line) => context.log.info({}, line) })
    const close = async () => {
      await bus.close()
      await pool.end()
    }
    try {
      const parts = await policyService({ bus })(context)
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
