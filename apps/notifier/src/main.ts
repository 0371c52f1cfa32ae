import { createPostgresBus } from '@countersign/bus'
import { runService } from '@countersign/service-kit'
import pg from 'pg'
import { notifierConfig } from './notifier.config.ts'
import { notifierService } from './notifier-service.ts'

await runService({
  name: 'notifier',
  config: notifierConfig,
  compose: async (context) => {
    const pool = new pg.Pool({ connectionString: context.config.DATABASE_URL.reveal(), max: 4 })
    const bus = createPostgresBus({ pool, log: (line) => context.log.info({}, line) })
    const close = async () => {
      await bus.close()
      await pool.end()
    }
    try {
      const parts = await notifierService({ bus })(context)
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
