import { type DynamicModule, Module } from '@nestjs/common'
import { ProofController } from './serve-proof/proof.controller.ts'
import { PROOF_SOURCE, type ProofSource } from './serve-proof/proof-source.ts'

/** The ledger's HTTP surface; its work runs beside it as consumers (`compose-ledger.ts`). */
@Module({})
export class LedgerModule {
  static serving(source: ProofSource): DynamicModule {
    return {
      module: LedgerModule,
      controllers: [ProofController],
      providers: [{ provide: PROOF_SOURCE, useFactory: () => source }],
    }
  }
}
