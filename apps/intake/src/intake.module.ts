import { type DynamicModule, Module } from '@nestjs/common'
import { APP_INTERCEPTOR } from '@nestjs/core'
import { AdoptStoreController } from './adopt-store/adopt-store.controller.ts'
import type { AdoptStore } from './adopt-store/adopt-store.handler.ts'
import { ContinueLogController } from './continue-log/continue-log.controller.ts'
import type { ContinueLog } from './continue-log/continue-log.handler.ts'
import { BrokerRefusalsController } from './record-broker-refusals/broker-refusals.controller.ts'
import type { RecordBrokerRefusals } from './record-broker-refusals/broker-refusals.handler.ts'
import { RegisterAgentController } from './register-agent/register-agent.controller.ts'
import { KeepRegistersController, type KeepRegisters } from './keep-registers/keep-registers.controller.ts'
import { EmergencyFreezeController } from './freeze/emergency-freeze.controller.ts'
import type { EmergencyFreeze } from './freeze/emergency-freeze.handler.ts'
import { FreezeController } from './freeze/freeze.controller.ts'
import type { Freeze } from './freeze/freeze.handler.ts'
import { IssueGrantController } from './issue-grant/issue-grant.controller.ts'
import type { IssueGrant } from './issue-grant/issue-grant.handler.ts'
import type { Admission } from './publish-intent/admission.ts'
import type { PublishBatch } from './publish-intent/publish-batch.ts'
import { PublishIntentController } from './publish-intent/publish-intent.controller.ts'
import { ReadIntentController } from './read-intent/read-intent.controller.ts'
import type { ReadIntent } from './read-intent/wait-for-decision.ts'
import { ReconcileExecutionController } from './reconcile-execution/reconcile-execution.controller.ts'
import type { ReconcileExecution } from './reconcile-execution/reconcile-execution.handler.ts'
import { RedeemGrantController } from './redeem-grant/redeem-grant.controller.ts'
import type { RecordRefusals } from './record-refusal/record-refusals.ts'
import type { RedeemGrant } from './redeem-grant/redeem-grant.handler.ts'
import { QuarantineController } from './quarantine-record/quarantine.controller.ts'
import type { ReadQuarantine } from './quarantine-record/read-quarantine.ts'
import { RedriveParkedController } from './redrive-parked/redrive-parked.controller.ts'
import type { RedriveParked } from './redrive-parked/redrive-parked.handler.ts'
import { RedriveQuarantinedController } from './redrive-quarantined/redrive-quarantined.controller.ts'
import type { RedriveQuarantined } from './redrive-quarantined/redrive-quarantined.handler.ts'
import { TakeRecordsController } from './take-records/take-records.controller.ts'
import type { TakeIntents } from './take-records/take-intents.ts'
import type { TakeReports } from './take-records/take-reports.ts'
import { ReportExecutionController } from './report-execution/report-execution.controller.ts'
import type { ReportExecution } from './report-execution/report-execution.handler.ts'
import { RevokeGrantController } from './revoke-grant/revoke-grant.controller.ts'
import type { RevokeGrant } from './revoke-grant/revoke-grant.handler.ts'
import type { GrantKeys } from './signing-key.ts'
import * as token from './tokens.ts'
import { WellKnownController } from './well-known.controller.ts'
import { WithdrawIntentController } from './withdraw-intent/withdraw-intent.controller.ts'
import type { WithdrawIntent } from './withdraw-intent/withdraw-intent.handler.ts'
import type pg from 'pg'

/** Everything that intake's controllers use. */
export type IntakeParts = {
  readonly pool: pg.Pool
  readonly read: ReadIntent
  readonly publish: PublishBatch
  readonly admission: Admission
  readonly refusals: RecordRefusals
  readonly issue: IssueGrant
  readonly redeem: RedeemGrant
  readonly revoke: RevokeGrant
  readonly report: ReportExecution
  readonly reconcile: ReconcileExecution
  readonly withdraw: WithdrawIntent
  readonly takeIntents: TakeIntents
  readonly takeReports: TakeReports
  readonly quarantine: ReadQuarantine
  readonly redriveQuarantined: RedriveQuarantined
  readonly redriveParked: RedriveParked
  readonly keepRegisters: KeepRegisters
  readonly freeze: Freeze
  readonly emergencyFreeze: EmergencyFreeze
  readonly adoption: AdoptStore
  readonly continueLog: ContinueLog
  readonly brokerRefusals: RecordBrokerRefusals
  readonly keys: GrantKeys
  readonly publicUrl: string
}

@Module({})
export class IntakeModule {
  static of(parts: IntakeParts): DynamicModule {
    return {
      module: IntakeModule,
      controllers: [
        PublishIntentController,
        ReadIntentController,
        WithdrawIntentController,
        IssueGrantController,
        RedeemGrantController,
        RevokeGrantController,
        ReportExecutionController,
        ReconcileExecutionController,
        RegisterAgentController,
        KeepRegistersController,
        FreezeController,
        EmergencyFreezeController,
        TakeRecordsController,
        AdoptStoreController,
        ContinueLogController,
        BrokerRefusalsController,
        QuarantineController,
        RedriveQuarantinedController,
        RedriveParkedController,
        WellKnownController,
      ],
      providers: [
        { provide: token.POOL, useValue: parts.pool },
        { provide: APP_INTERCEPTOR, useValue: parts.refusals },
        { provide: token.READ_INTENT, useValue: parts.read },
        { provide: token.PUBLISH, useValue: parts.publish },
        { provide: token.ADMISSION, useValue: parts.admission },
        { provide: token.ISSUE_GRANT, useValue: parts.issue },
        { provide: token.REDEEM_GRANT, useValue: parts.redeem },
        { provide: token.REVOKE_GRANT, useValue: parts.revoke },
        { provide: token.REPORT_EXECUTION, useValue: parts.report },
        { provide: token.RECONCILE_EXECUTION, useValue: parts.reconcile },
        { provide: token.WITHDRAW_INTENT, useValue: parts.withdraw },
        { provide: token.TAKE_INTENTS, useValue: parts.takeIntents },
        { provide: token.TAKE_REPORTS, useValue: parts.takeReports },
        { provide: token.READ_QUARANTINE, useValue: parts.quarantine },
        { provide: token.REDRIVE_QUARANTINED, useValue: parts.redriveQuarantined },
        { provide: token.REDRIVE_PARKED, useValue: parts.redriveParked },
        { provide: token.KEEP_REGISTERS, useValue: parts.keepRegisters },
        { provide: token.FREEZE, useValue: parts.freeze },
        { provide: token.EMERGENCY_FREEZE, useValue: parts.emergencyFreeze },
        { provide: token.ADOPT_STORE, useValue: parts.adoption },
        { provide: token.RECORD_BROKER_REFUSALS, useValue: parts.brokerRefusals },
        { provide: token.CONTINUE_LOG, useValue: parts.continueLog },
        { provide: token.GRANT_KEYS, useValue: parts.keys },
        { provide: token.PUBLIC_URL, useValue: parts.publicUrl },
      ],
    }
  }
}
