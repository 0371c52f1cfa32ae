import { Module, type DynamicModule } from '@nestjs/common'
import type pg from 'pg'
import { ActivePolicySetController } from './activate-policy-set/active-policy-set.controller.ts'
import type { ActiveSets } from './active-sets.ts'
import { EvaluateIntentController } from './evaluate-intent/evaluate-intent.controller.ts'
import type { IntentWakeUps } from './evaluate-intent/intent-wake-ups.ts'
import { activeSetsToken, poolToken, wakeUpsToken } from './tokens.ts'

export type PolicyParts = { readonly pool: pg.Pool; readonly sets: ActiveSets; readonly wakeUps: IntentWakeUps }

@Module({})
export class PolicyModule {
  static with({ pool, sets, wakeUps }: PolicyParts): DynamicModule {
    return {
      module: PolicyModule,
      controllers: [ActivePolicySetController, EvaluateIntentController],
      providers: [
        { provide: poolToken, useFactory: () => pool },
        { provide: activeSetsToken, useFactory: () => sets },
        { provide: wakeUpsToken, useFactory: () => wakeUps },
      ],
    }
  }
}
