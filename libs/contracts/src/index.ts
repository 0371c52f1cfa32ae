export { BrokerRefusals, RecordedBrokerRefusals } from './broker.schema.ts'
export {
  definitionOf,
  eventDefinitions,
  fitsEvent,
  isEventName,
  ownedTypes,
  wireTypeOf,
  type AttemptEvent,
  type AttemptEventName,
  type EventData,
  type EventName,
  type EventOf,
  type IntentEvent,
  type IntentEventName,
  type RecordedEventOf,
  type RegisterEvent,
  type RegisterEventName,
} from './catalogue.ts'
export {
  ChangeGroupBody,
  type ChangedGroup,
  type ConnectedFeed,
  ConnectFeedBody,
  type DisconnectedFeed,
  DisconnectFeedBody,
  type FreedLogin,
  FreeLoginBody,
  type LoginTenants,
  type LinkedPeople,
  LinkPeopleBody,
  LinkAccountBody,
  RegisterPersonBody,
  UnlinkAccountBody,
} from './directory.schema.ts'
export {
  parseWireType,
  wireType,
  type EventDefinition,
  type EventMetadata,
  type NewEvent,
  type Owner,
  type RecordedEvent,
  type StreamKind,
} from './event.ts'
export { EmergencyFreezeBody, FreezeBody, FreezeList, UnfreezeBody } from './freeze.schema.ts'
export { ExecutionMessage, IntentMessage, OutcomeMessage, QuarantineNotice } from './cloud-event.schema.ts'
export { httpRoutes } from './http-routes.ts'
export { refusalsOf, type HttpRoute, type RouteAnswer, type RouteCaller } from './http-routes/route.ts'
export { ImpactClaim } from './intent.schema.ts'
export {
  AdoptStoreBody,
  ContinueLogBody,
  DisclosedBinding,
  GrantView,
  IntentState,
  IntentView,
  Problem,
  PublishIntentBody,
  ReceiptView,
  ReconcileExecutionBody,
  RecordVerdictBody,
  RedeemGrantBody,
  RegisterAgentBody,
  ReportExecutionBody,
  ReviewSummary,
  ReviewView,
} from './message.schema.ts'
export { messageDefinitions, type MessageCarrier, type MessageDefinition } from './messages.ts'
export { Effect, Reason, Seat } from './policy.schema.ts'
export {
  ActionName,
  AgentName,
  closed,
  Code,
  Digest,
  EnvironmentName,
  GroupName,
  Identifier,
  IsoTime,
  KeyThumbprint,
  PersonKind,
  PrincipalKind,
  ProducerName,
  RequestId,
  RuleId,
  SafeInteger,
  type SeatOnOneWord,
  ShortName,
  SubjectIntroduction,
  Uuid,
  type JsonObject,
  type JsonValue,
} from './primitives.ts'
export {
  type ParkedKeyList,
  type QuarantinedContent,
  type QuarantinedRecord,
  type QuarantineList,
  RedriveParkedBody,
  RedriveQuarantineBody,
  type RedrivenParked,
  type RedrivenQuarantine,
} from './quarantine.schema.ts'
export { isRefusal, isRefusalCode, refusals, refuse, type Refusal, type RefusalCode } from './refusals.ts'
export {
  type AgentList,
  type ChangedEntry,
  type EntryOwner,
  type FeedView,
  type GroupList,
  type OpenChange,
  type PeopleList,
  type ProducerList,
  RegisterOwnedAgentBody,
  RegisterProducerBody,
  RemoveEntryBody,
  type ReviewedEntry,
  ReviewEntryBody,
} from './register-entry.schema.ts'
export { type ExecutorKey, FreezeScope } from './register.schema.ts'
export {
  AdoptedStoreView,
  ContinuedLogView,
  LogContinuations,
  ReciprocalApprovals,
  RefusedLog,
  StoreView,
} from './view.schema.ts'
export { Assurance, AssuranceDemand, Channel, VerdictChoice, type VerdictSignature } from './review.schema.ts'
export {
  SealedIntent,
  SealedReason,
  sealedFactsPurpose,
  sealedIntentPurpose,
  sealedReasonPurpose,
  SealedSignature,
  sealedSignaturePurpose,
} from './sealed.schema.ts'
export { groups, topics } from './topics.ts'
