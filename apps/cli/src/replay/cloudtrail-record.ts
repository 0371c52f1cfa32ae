import type { JsonObject, JsonValue } from '@countersign/contracts'

/** The parts of a CloudTrail record that become an intent (AWS CloudTrail record contents, versions 1.0x). */
export type CloudTrailRecord = {
  /** Service prefix as in IAM actions: `ec2` of `ec2.amazonaws.com`. */
  readonly service: string
  /** API operation without the version that some services append: `CreateFunction` of `CreateFunction20150331`. */
  readonly operation: string
  readonly occurredAt: string
  readonly region: string
  readonly account?: string
  readonly eventId?: string
  /** What the record says; absent in old records. */
  readonly readOnly?: boolean
  /** An event of the service itself, not an API call of somebody. */
  readonly serviceEvent: boolean
  readonly identity: JsonObject
  readonly request: JsonObject
  readonly additional: JsonObject
  readonly resourceArns: readonly string[]
  readonly errorCode?: string
  readonly sourceAddress?: string
  readonly userAgent?: string
}

export const textOf = (value: JsonValue | undefined, maxLength = 512): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, maxLength) : undefined

export const objectOf = (value: JsonValue | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}

const name = /^[A-Za-z][A-Za-z0-9_-]{0,80}$/
const time = /^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/

/** Reads one parsed JSON value as a CloudTrail record; undefined when it is not one. */
export const readCloudTrailRecord = (value: JsonValue): CloudTrailRecord | undefined => {
  const record = objectOf(value)
  const service = textOf(record['eventSource'])
    ?.replace(/\.amazonaws\.com$/, '')
    .toLowerCase()
  const operation = textOf(record['eventName'])?.replace(/\d{8}(v\d+)?$/, '')
  const occurredAt = textOf(record['eventTime'])
  if (service === undefined || !/^[a-z0-9][a-z0-9.-]{0,60}$/.test(service)) return undefined
  if (operation === undefined || !name.test(operation) || occurredAt === undefined || !time.test(occurredAt))
    return undefined
  const optional = {
    account: textOf(record['recipientAccountId'], 12),
    eventId: textOf(record['eventID'], 64),
    errorCode: textOf(record['errorCode'], 128),
    sourceAddress: textOf(record['sourceIPAddress'], 128),
    userAgent: textOf(record['userAgent'], 256),
  }
  return {
    service,
    operation,
    occurredAt,
    region: textOf(record['awsRegion'], 32) ?? 'aws-global',
    ...(typeof record['readOnly'] === 'boolean' ? { readOnly: record['readOnly'] } : {}),
    serviceEvent: record['eventType'] === 'AwsServiceEvent',
    identity: objectOf(record['userIdentity']),
    request: objectOf(record['requestParameters']),
    additional: objectOf(record['additionalEventData']),
    resourceArns: Array.isArray(record['resources'])
      ? record['resources'].flatMap((resource) => textOf(objectOf(resource)['ARN']) ?? [])
      : [],
    ...(Object.fromEntries(Object.entries(optional).filter(([, text]) => text !== undefined)) as {
      [Key in keyof typeof optional]?: string
    }),
  }
}
