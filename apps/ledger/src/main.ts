import { onBus, runService } from '@countersign/service-kit'
import { ledgerConfig } from './ledger.config.ts'
import { composeLedger } from './compose-ledger.ts'

await runService({ name: 'ledger', config: ledgerConfig, compose: onBus(composeLedger) })
