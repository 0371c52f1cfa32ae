import type { Type } from 'typebox'
import {
  AuditMessage,
  ExecutionMessage,
  IntentMessage,
  OutcomeMessage,
  QuarantineNotice,
} from './cloud-event.schema.ts'
import { BrokerRefusals, RecordedBrokerRefusals } from './broker.schema.ts'
import * as directory from './directory.schema.ts'
import { EmergencyFreezeBody, FreezeBody, FreezeList, UnfreezeBody } from './freeze.schema.ts'
import * as http from './message.schema.ts'
import {
  ParkedKeyList,
  QuarantinedContent,
  QuarantinedRecord,
  QuarantineList,
  RedriveParkedBody,
  RedriveQuarantineBody,
  RedrivenParked,
  RedrivenQuarantine,
} from './quarantine.schema.ts'
import * as registerEntry from './register-entry.schema.ts'
import { SealedIntent, SealedReason, SealedSignature } from './sealed.schema.ts'
import * as view from './view.schema.ts'

/** Where a message travels: over HTTP, on the bus, or only between our own services under seal. */
export type MessageCarrier = 'http' | 'bus' | 'sealed'

export type MessageDefinition = {
  readonly name: string
  readonly version: number
  readonly carrier: MessageCarrier
  readonly schema: Type.TSchema
}

const versionOne = (carrier: MessageCarrier, schemas: Readonly<Record<string, Type.TSchema>>): MessageDefinition[] =>
  Object.entries(schemas).map(([name, schema]) => ({ name, version: 1, carrier, schema }))

const {
  PublishIntentBody,
  IntentView,
  GrantView,
  RedeemGrantBody,
  ReceiptView,
  ReportExecutionBody,
  ReconcileExecutionBody,
  RegisterAgentBody,
  AdoptStoreBody,
  ContinueLogBody,
  RecordVerdictBody,
  ReviewSummary,
  ReviewView,
  Problem,
} = http

// Parts of others, not messages of their own.
const { EntryOwner: _owner, OpenChange: _change, ...entries } = registerEntry

/** Every message that is no event: HTTP bodies and answers, values on the bus, sealed plaintexts. */
export const messageDefinitions: readonly MessageDefinition[] = [
  ...versionOne('http', {
    PublishIntentBody,
    IntentView,
    GrantView,
    RedeemGrantBody,
    ReceiptView,
    ReportExecutionBody,
    ReconcileExecutionBody,
    RegisterAgentBody,
    FreezeBody,
    UnfreezeBody,
    EmergencyFreezeBody,
    FreezeList,
    AdoptStoreBody,
    ContinueLogBody,
    BrokerRefusals,
    RecordedBrokerRefusals,
    RecordVerdictBody,
    ReviewSummary,
    ReviewView,
    Problem,
    ...directory,
    ...view,
    ...entries,
    QuarantineList,
    QuarantinedRecord,
    QuarantinedContent,
    RedriveQuarantineBody,
    RedrivenQuarantine,
    ParkedKeyList,
    RedriveParkedBody,
    RedrivenParked,
  }),
  ...versionOne('bus', { IntentMessage, ExecutionMessage, OutcomeMessage, AuditMessage, QuarantineNotice }),
  ...versionOne('sealed', { SealedIntent, SealedReason, SealedSignature }),
]
