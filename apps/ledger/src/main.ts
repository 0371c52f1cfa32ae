import { createPostgresBus } from '@countersign/bus'
import { runService } from '@countersign/service-kit'
import pg from 'pg'
import { composeLedger } from './compose-ledger.ts'
import { ledgerConfig } from './ledger.config.ts'

await runService({
  name: 'ledger',
  config: ledgerConfig,
  compose: async (context) => {
    const pool = new pg.Pool({ connectionString: context.config.DATABASE_URL.reveal(), max: 4 })
    pool.on('error', (err) => context.log.warn({ err }, 'an idle connection of the bus broke'))
    const bus = createPostgresBus({ pool, log: (line) => context.log.info({}, line) })
    const close = async () => {
      await bus.close()
      await pool.end()
    }
    try {
      const parts = await composeLedger({ bus })(context)
      const onStop = async () => {
        await parts.onStop?.()
        await close()
      }
      return { ...parts, onStop }
    } catch (error) {
      await close()
      throw error
    }
  },
})
