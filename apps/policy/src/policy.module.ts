import { Module, type DynamicModule } from '@nestjs/common'
import type pg from 'pg'
import { ActivePolicySetController } from './activate-policy-set/active-policy-set.controller.ts'
import type { ActiveSets } from './active-sets.ts'
import { activeSetsToken, poolToken } from './tokens.ts'

@Module({})
export class PolicyModule {
  static with({ pool, sets }: { pool: pg.Pool; sets: ActiveSets }): DynamicModule {
    return {
      module: PolicyModule,
      controllers: [ActivePolicySetController],
      providers: [
        { provide: poolToken, useFactory: () => pool },
        { provide: activeSetsToken, useFactory: () => sets },
      ],
    }
  }
}
