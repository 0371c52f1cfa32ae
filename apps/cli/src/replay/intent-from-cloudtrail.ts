import { createHash } from 'node:crypto'
import type { JsonObject, PrincipalKind, PublishIntentBody } from '@countersign/contracts'
import { actionOf } from './action-of.ts'
import { boundRequest } from './bounded-request.ts'
import { textOf, type CloudTrailRecord } from './cloudtrail-record.ts'
import { principalOf } from './principal-of.ts'

/** Environment of accounts, by `account/region` or `account`; what is not named is production. */
export type EnvironmentMap = Readonly<Record<string, string>>

export type ReplayedIntent = {
  readonly idempotencyKey: string
  readonly principalKind: PrincipalKind
  readonly body: PublishIntentBody
}

/**
 * The intent that would have been published had the call gone through Countersign. Pure: the same record gives the same
 * intent and key, so a replay that is repeated publishes nothing twice. The result of the call is not looked at, but for
 * whether a sign-in used a second factor. docs/reference/policy-actions.md documents the mapping.
 */
export const intentFromCloudTrail = (record: CloudTrailRecord, environments: EnvironmentMap = {}): ReplayedIntent => {
  const principal = principalOf(record)
  const account = record.account ?? 'unknown'
  const environment = environments[`${account}/${record.region}`] ?? environments[account] ?? 'production'
  return {
    idempotencyKey: keyOf(record),
    principalKind: principal.kind,
    body: {
      agent: { name: principal.name },
      action: actionOf(record, principal),
      target: targetOf(record),
      environment,
      parameters: parametersOf(record),
      occurredAt: record.occurredAt,
    },
  }
}

const keyOf = (record: CloudTrailRecord): string =>
  record.eventId !== undefined && /^[\w-]+$/.test(record.eventId)
    ? `cloudtrail-${record.eventId}`
    : `cloudtrail-sha256-${createHash('sha256').update(JSON.stringify(record)).digest('hex')}`

const parametersOf = (record: CloudTrailRecord): JsonObject => {
  const { request, cut } = boundRequest(record.request)
  const { account, errorCode, sourceAddress, userAgent } = record
  const mfa = record.additional['MFAUsed'] ?? record.additional['MfaType']
  return {
    service: record.service,
    operation: record.operation,
    region: record.region,
    ...(account === undefined ? {} : { account }),
    ...(mfa === undefined ? {} : { mfa: mfa !== 'No' }),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...(userAgent === undefined ? {} : { userAgent: userAgent.replaceAll('\u0000', '').toWellFormed() }),
    request,
    ...(cut === 0 ? {} : { cut }),
  }
}

/** Request fields that name what a call is about, the most telling first. */
const targetFields = [
  'roleArn',
  'trailARN',
  'trailName',
  'bucketName',
  'dBSnapshotIdentifier',
  'dBInstanceIdentifier',
  'snapshotId',
  'imageId',
  'secretId',
  'functionName',
  'userName',
  'roleName',
  'instanceProfileName',
  'policyArn',
  'instanceId',
  'groupId',
  'volumeId',
  'networkInterfaceId',
  'subnetId',
  'routeTableId',
  'internetGatewayId',
  'natGatewayId',
  'vpcId',
  'keyId',
  'logGroupName',
  'trustAnchorId',
  'profileId',
  'resourceId',
  'name',
]

/** Name of what the call is about: an ARN where the record has one, else `service:region:name`, else `service:region`. */
const targetOf = ({ service, region, request, resourceArns }: CloudTrailRecord): string => {
  const named = targetFields.map((field) => textOf(request[field])).find((text) => text !== undefined)
  const arn = resourceArns.length === 1 ? resourceArns[0] : undefined
  const target = arn ?? (named?.startsWith('arn:') === true ? named : [service, region, named ?? ''].join(':'))
  return target
    .replaceAll(/[^\u0021-\u007e]+/g, '-')
    .replace(/:$/, '')
    .slice(0, 512)
}
