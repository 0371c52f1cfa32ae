export { BearerGuard, type BearerVerifier, identityOf, Requester, type Verified } from './auth.ts'
export {
  buildService,
  type BuildOptions,
  type Compose,
  type Consumer,
  consumersCheck,
  type Service,
  type ServiceContext,
  type ServiceParts,
  type StopOutcome,
} from './build-service.ts'
export { configReference, secretSetting } from './config-schema.ts'
export { createEdgeServer, defaultLimits, type EdgeLimits } from './edge-server.ts'
export { type CheckEffect, type CheckReport, type HealthCheck, HealthChecks, type HealthReport } from './health.ts'
export { createHttpEdge, defaultBodyLimit, type EdgeRefusal, type HttpEdge, type HttpEdgeOptions } from './http-edge.ts'
export { createLog, type Log, type LogLevel, logLevels, type LogOptions, nestLogger } from './log.ts'
export { mutualTlsOf, mutualTlsSettings } from './mutual-tls.ts'
export { counter, type Gauge, histogram, type MetricOptions, observableGauge } from './metrics.ts'
export {
  type FieldError,
  orRefuse,
  type Problem,
  problemContentType,
  problemOf,
  type ProblemSource,
  Refused,
} from './problem-details.ts'
export { WaitingPlaces } from './waiting-places.ts'
export { WaitingReaders } from './waiting-readers.ts'
export { edgeRefusals, statusOf } from './problem-status.ts'
export { ConfigError, type Environment, readConfig } from './read-config.ts'
export { type BodyKind, EdgeRoute, type EdgeRequest, Public, type RouteRules } from './route-rules.ts'
export {
  type IdentityConfig,
  identitySettings,
  IssuersFile,
  type PageClient,
  pageClientsIn,
  tokenVerifierFor,
  trustedIssuers,
} from './identity-settings.ts'
export { operatorsSettings } from './operators-settings.ts'
export { FollowedFiles } from './followed-files.ts'
export { exitCodes } from './exit-codes.ts'
export { type RunOptions, runService } from './run-service.ts'
export { Secret } from './secret.ts'
export { ProblemFilter, sendProblem } from './send-problem.ts'
export { type ServiceConfig, serviceSchema, type ServiceSettings, telemetryOf } from './service-settings.ts'
export { openStoreGuard, type StoreMarkConfig, storeMarkSettings } from './store-guard.ts'
export { withBatchSpan, withSpan } from './spans.ts'
export { type SpanLine, startTelemetry, type Telemetry, type TelemetryOptions, type TraceTarget } from './telemetry.ts'
export {
  contextOf,
  currentTraceparent,
  extractTrace,
  injectTrace,
  isTraceparent,
  type TraceHeaders,
  withTraceOf,
} from './trace-context.ts'
export { checkedBy, pathParameter, validateBody } from './validate-body.ts'
export { eventRecord, readEventRecord, type RecordKey, recordVerifier } from './event-record.ts'
export { ProducerTransport, type ProducerTransportOptions, type ProducerTrouble } from './producer-transport.ts'
export { type ReadBody, readJsonBody } from './read-body.ts'
export { BusTransport, type BusTransportOptions, type BusTransportStatus } from './bus-transport.ts'
export { observeBusLag } from './bus-lag.ts'
export { type BusConfig, busSettings, kafkaAccess } from './bus-settings.ts'
export { onBus } from './on-bus.ts'
